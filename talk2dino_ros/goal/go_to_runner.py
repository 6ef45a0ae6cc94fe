# SPDX-License-Identifier: Apache-2.0
"""Runs one go-to task at a time: what is around the robot goes in, goals and states go out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rclpy.qos import QoSProfile
from talk2dino_msgs.msg import TrackedObjectArray

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.goal.goal_alarms import GoalFacts
from talk2dino_ros.goal.goal_topics import GoalTopics, PresenceListener
from talk2dino_ros.goal.grid import GridError
from talk2dino_ros.goal.memory_client import AbsentMemoryError, MemoryClient, NoMemoryError
from talk2dino_ros.goal.planner.planner_client import PlannerClient
from talk2dino_ros.goal.planner.planner_goals import TAKEN_WITHIN_S, GoalFate
from talk2dino_ros.goal.surroundings import NoCostmapError, Surroundings
from talk2dino_ros.goal.task.go_to_states import GoalChange, State
from talk2dino_ros.goal.task.go_to_task import GoToTask
from talk2dino_ros.goal.vocabulary_client import NotInVocabularyError, VocabularyClient
from talk2dino_ros.ros.tf.transforms import TransformError
from talk2dino_ros.ros.watch.lasting import Lasting

if TYPE_CHECKING:
    from talk2dino_ros.goal.goal_parameters import GoalParameters
    from talk2dino_ros.goal.stand_off import Pose
    from talk2dino_ros.goal.task.choice import GoToRequest
    from talk2dino_ros.ros.node.waits import Waits

FAULT = "the go_to failed because of a bug in this program ({error!r}); the node's log has the details"
GIVEN_UP = "the planner has given up the goal; look at its log for the reason"
# where the robot is another client's now, and where no planner drives it
STOPPED = {
    GoalFate.CANCELLED: "the goal was cancelled at the planner, by another client of it",
    GoalFate.REPLACED: "another client has sent the planner a goal, which replaces this one",
}
DRIVERLESS = {
    GoalFate.NOT_TAKEN: (
        f"the planner has not taken the goal in {TAKEN_WITHIN_S:g} s; activate it and look at its log, or set "
        "planner_action to the action that drives to goal_pose, or to '' if there is none"
    ),
    GoalFate.VANISHED: "the planner has ended or restarted on the way to the goal; go there again once it runs",
}
OBJECTS = QoSProfile(depth=10)  # none is to be lost while a pose is computed, as one of them may be the only detection


class GoToRunner:
    """Run go-to tasks, from the node's configure to its cleanup; a new one ends the one before.

    TF and the costmap are listened to from the start, so that they are known when the first go_to comes.
    settings: returns the node's parameters.
    """

    def __init__(self, node: Any, settings: Callable[[], GoalParameters], topics: GoalTopics, waits: Waits) -> None:
        self._node = node
        self._settings = settings
        self._topics = topics
        self._waits = waits
        self._task: GoToTask | None = None
        self._surroundings = Surroundings(node, settings, self._on_jump)
        self._vocabulary = VocabularyClient(node, settings().segmenter, waits)
        self._memory = MemoryClient(node, settings().memory, waits)
        self._planner = PlannerClient(node, settings().planner_action)
        self._presence = PresenceListener(node, settings().segmenter)
        self._has_told_of_no_memory = False
        self._objects_sub: Any = None
        self._objects_topic = str(node.resolve_topic_name(f"{settings().segmenter}/objects"))
        self._heard_s = 0.0  # the newest objects, or the begin of listening
        self._no_pose = Lasting()

    @property
    def is_active(self) -> bool:
        """Whether go-to tasks can be run: the objects are listened to."""
        return self._objects_sub is not None

    def activate(self) -> None:
        """Listen to the objects."""
        self._has_told_of_no_memory = False
        self._heard_s = time.monotonic()
        topic = f"{self._settings().segmenter}/objects"
        self._objects_sub = self._node.create_subscription(TrackedObjectArray, topic, self._on_objects, OBJECTS)

    def deactivate(self) -> None:
        """Cancel the active go-to task, and listen to no objects."""
        if self._objects_sub is not None:
            self._node.destroy_subscription(self._objects_sub)
            self._objects_sub = None
        self.end("the node goal was deactivated")
        self._presence.listen_for(None)
        self._remove_questions()
        self._waits.poll()

    def destroy(self) -> None:
        """Stop listening, and destroy the clients."""
        self._surroundings.destroy()
        self._vocabulary.destroy()
        self._memory.destroy()
        self._planner.destroy()

    def make_task(self, go_to_request: GoToRequest) -> GoToTask:
        """Make a go-to task the active one, and end the one before; `search` starts it."""
        self.end(f"another go_to came, to {go_to_request.describe()}")
        self._task = GoToTask(go_to_request, self._settings())
        return self._task

    async def search(self, task: GoToTask) -> None:
        """Look for the task's word from now on, or end the task where the vocabulary has it not."""
        self.report()
        settings = self._settings()
        try:
            await self._vocabulary.ensure(
                task.go_to_request.words,
                add=settings.add_words,
                timeout_s=settings.segmenter_timeout_s,
                is_over=lambda: task.is_ended,
            )
        except NotInVocabularyError as error:
            task.end(State.NOT_IN_VOCABULARY, str(error))
        except Talk2DinoError as error:
            task.end(State.FAILED, str(error))
        if not task.is_ended:
            self._surroundings.forget_old(settings.lost_timeout_s)
            task.start_searching(time.monotonic())
            self._presence.listen_for(task)
            with self._failing(task):
                self._update(task)
            if task.recall.is_pending:
                self._node.executor.create_task(self._remember(task, settings.memory_timeout_s))
        self.report()

    def tick(self) -> None:
        """Check timeouts, the robot's pose and late transforms; resume waiting coroutines."""
        task = self._task
        self._presence.listen_for(task)
        if task and task.is_searching:
            with self._failing(task):
                self._update(task)
                self._recollect(task)
                task.tick(self.robot() if task.goal else None, time.monotonic())
                self._look_at_planner(task)
        self.report()
        self._remove_questions()
        self._waits.poll()

    def robot(self) -> Pose | None:
        """Return the robot's pose; None, with a warning, where it is unknown."""
        try:
            return self._surroundings.robot()
        except TransformError as error:
            self._topics.warn(str(error))
            return None

    def end(self, message: str) -> bool:
        """Cancel the active go-to task; return whether there was one."""
        task = self._task
        if task is None or task.is_ended:
            return False
        task.end(State.CANCELLED, message)
        self.report()
        return True

    def facts(self) -> GoalFacts:
        """Return what the watchdogs look at."""
        now_s, task, topic = time.monotonic(), self._task, self._objects_topic
        self._no_pose.note(self._surroundings.no_pose(), now_s)
        return GoalFacts(
            objects_topic=topic,
            is_active=self.is_active,
            is_going=task is not None and not task.is_ended,
            silence_s=now_s - self._heard_s,
            is_published=bool(self._node.count_publishers(topic)),
            no_pose=self._no_pose.text,
            no_pose_s=self._no_pose.seconds(now_s),
            no_costmap=self._surroundings.no_costmap(),
        )

    @property
    def state(self) -> str:
        """What the newest go_to is at, in words; "" where there was none."""
        task = self._task
        return f"{task.state.name}: {task.message}" if task is not None else ""

    def report(self) -> None:
        """Publish and log the active go-to task's state if it has changed; stop the robot where the task has ended."""
        task = self._task
        if task is not None and task.is_ended:
            self._planner.let_go(is_reached=task.state == State.REACHED)
        self._topics.report(task)

    def wait_for_removal(self, timeout_s: float) -> None:
        """Wait for the segmenter's answer after the executor has stopped."""
        self._vocabulary.wait_for_removal(timeout_s)

    async def _remember(self, task: GoToTask, timeout_s: float) -> None:
        """Give the task what the memory knows; beside the search, which goes on."""
        with self._failing(task):
            try:
                answer = await self._memory.find(task.go_to_request.words, timeout_s, lambda: task.is_ended)
                task.recall.take(self._surroundings.recalled(answer) if not task.is_ended else (), answer.message)
            except AbsentMemoryError as error:
                if not task.is_ended:  # else it was not waited for
                    self._tell_of_no_memory(error)
                task.recall.fail(str(error), is_news=False)
            except (NoMemoryError, TransformError) as error:
                task.recall.fail(str(error))

    def _tell_of_no_memory(self, error: AbsentMemoryError) -> None:
        """Log it once: many robots have no memory, and need none."""
        if not self._has_told_of_no_memory:
            self._node.get_logger().info(str(error))
        self._has_told_of_no_memory = True

    def _look_at_planner(self, task: GoToTask) -> None:
        """Leave a goal that the robot will not reach; end where somebody else moves the robot, or nobody does."""
        fate = self._planner.fate
        if task.is_driven and fate in DRIVERLESS:
            task.end(State.FAILED, DRIVERLESS[fate])
        elif task.is_driven and fate == GoalFate.GIVEN_UP:
            task.give_up_goal(GIVEN_UP, time.monotonic())
        elif task.is_driven and fate == GoalFate.DONE:
            self._stop_short(task)
        elif (task.is_driven and fate in STOPPED) or (task.state == State.VERIFYING and fate == GoalFate.REPLACED):
            task.end(State.CANCELLED, STOPPED[fate])

    def _stop_short(self, task: GoToTask) -> None:
        """Handle that the planner has ended its way where the robot is not at the goal."""
        around, now_ns = self._surroundings, self._node.get_clock().now().nanoseconds
        self._publish_of(task, lambda: task.stop_short(around.robot(), time.monotonic(), now_ns))

    def _on_objects(self, array: TrackedObjectArray) -> None:
        self._heard_s = time.monotonic()
        self._surroundings.take(array)
        if self._task and self._task.is_searching:
            with self._failing(self._task):
                self._update(self._task)
            self.report()
            self._waits.poll()
        else:
            self._surroundings.forget_old(self._settings().lost_timeout_s)

    def _on_jump(self, back_s: float) -> None:
        reason = f"the clock went back by {back_s:.1f} s, so the object has to be seen again, and the last goal stands"
        self._node.get_logger().warning(reason)
        if self._task:
            self._task.forget(reason)

    @contextmanager
    def _failing(self, task: GoToTask) -> Iterator[None]:
        """End the go-to task where the block raises an unexpected exception, so that its client is answered."""
        try:
            yield
        except Exception as error:
            self._node.note_fault("a go_to failed", error)
            task.end(State.FAILED, FAULT.format(error=error))

    def _update(self, task: GoToTask) -> None:
        """Update the go-to task with the newest objects; publish its goal."""
        self._publish_of(task, lambda: self._updated(task))

    def _recollect(self, task: GoToTask) -> None:
        """Go to a place of the memory where it is time for it; publish the goal."""
        around, now_ns = self._surroundings, self._node.get_clock().now().nanoseconds
        self._publish_of(task, lambda: task.recall.go_on(around.robot, around.place, time.monotonic(), now_ns))

    def _updated(self, task: GoToTask) -> GoalChange:
        around = self._surroundings
        view = around.newest_view(task.go_to_request.name)
        return GoalChange.NONE if view is None else task.update(view, around.robot, around.place, time.monotonic())

    def _publish_of(self, task: GoToTask, step: Callable[[], GoalChange]) -> None:
        try:
            change = step()
        except (TransformError, NoCostmapError, GridError) as error:
            task.set_failure_reason(str(error))
            self._topics.warn(str(error))
            return
        if change == GoalChange.FIRST:
            self._planner.send()
        self._topics.publish_goal(task, change, self._settings().goal_frame)

    def _remove_questions(self) -> None:
        """Remove the questions that were added for go-to tasks, but for the active one's."""
        task = self._task
        self._vocabulary.keep_only("" if task is None or task.is_ended else task.go_to_request.name)
