# SPDX-License-Identifier: Apache-2.0
"""The services ~/go_to and ~/cancel and the action ~/go: one go-to task at a time.

The callbacks are coroutines that await the task's course, in groups that let others in meanwhile: the one executor
thread goes on with the objects, TF, and the next go_to, which ends the one before.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import QoSProfile
from std_srvs.srv import Trigger
from talk2dino_msgs.action import GoTo as GoToAction
from talk2dino_msgs.msg import GoToState, TrackedObjectArray
from talk2dino_msgs.srv import GoTo

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.goal.go_to_states import GoalChange, State
from talk2dino_ros.goal.go_to_task import GoToTask
from talk2dino_ros.goal.goal_messages import feedback_message, fill_answer, read_go_to_request
from talk2dino_ros.goal.goal_topics import GoalTopics, changed
from talk2dino_ros.goal.grid import GridError
from talk2dino_ros.goal.memory_client import MemoryClient, NoMemoryError
from talk2dino_ros.goal.surroundings import NoCostmapError, Surroundings
from talk2dino_ros.goal.vocabulary_client import NotInVocabularyError, VocabularyClient
from talk2dino_ros.ros.node.waits import Waits
from talk2dino_ros.ros.tf.transforms import TransformError

if TYPE_CHECKING:
    from talk2dino_ros.goal.goal_parameters import GoalParameters
    from talk2dino_ros.goal.stand_off import Pose

NOT_ACTIVE = "the node goal is not active, expected it so; activate it (ros2 lifecycle set <node> activate)"
FAULT = "the go_to failed by a fault of this program ({error!r}); the node's log has the details"
OBJECTS = QoSProfile(depth=10)  # none is to be lost while a pose is computed, as one of them may be the only detection


class NotActiveError(Talk2DinoError):
    """A go_to came while the node is not active."""


class GoalServer:
    """Serve go_to while the node is active; say why not while it is not.

    settings: returns the node's parameters.
    """

    def __init__(self, node: Any, settings: Callable[[], GoalParameters]) -> None:
        self._node = node
        self._settings = settings
        self._waits = Waits(node)
        self._task: GoToTask | None = None
        self._tasks: dict[bytes, GoToTask] = {}  # of the actions under way, by goal id
        self._surroundings: Surroundings | None = None
        self._vocabulary: VocabularyClient | None = None
        self._memory: MemoryClient | None = None
        self._objects_sub: Any = None
        self._topics = GoalTopics(node)
        group = ReentrantCallbackGroup()  # a go_to that waits must not keep the next one out, which ends it
        self._services = [
            node.create_service(GoTo, "~/go_to", self._on_go_to, callback_group=group),
            node.create_service(Trigger, "~/cancel", self._on_cancel, callback_group=group),
        ]
        self._action = ActionServer(
            node, GoToAction, "~/go", self._on_go, callback_group=group, cancel_callback=self._on_cancel_go
        )

    def configure(self) -> None:
        """Listen to TF and the costmap, so that they are known when the first go_to comes."""
        self._surroundings = Surroundings(self._node, self._settings, self._on_jump)
        self._vocabulary = VocabularyClient(self._node, self._settings().segmenter, self._waits)
        self._memory = MemoryClient(self._node, self._settings().memory, self._waits)

    def activate(self) -> None:
        """Listen to the objects, and take requests."""
        topic = f"{self._settings().segmenter}/objects"
        self._objects_sub = self._node.create_subscription(TrackedObjectArray, topic, self._on_objects, OBJECTS)

    def deactivate(self) -> None:
        """Cancel the active go-to task."""
        if self._objects_sub is not None:
            self._node.destroy_subscription(self._objects_sub)
            self._objects_sub = None
        self._end(State.CANCELLED, "the node goal was deactivated")
        self._remove_questions()
        self._waits.poll()

    def tear_down(self) -> None:
        """Stop listening; the services stay, and say that it is too early."""
        self.deactivate()
        for part in (self._surroundings, self._vocabulary, self._memory):
            if part is not None:
                part.destroy()
        self._surroundings = self._vocabulary = self._memory = None

    def destroy(self) -> None:
        """Destroy what the node does not own."""
        self._action.destroy()

    def tick(self) -> None:
        """Check timeouts, the robot's pose and late transforms; resume waiting coroutines."""
        task = self._task
        if task and task.is_searching:
            with self._failing(task):
                self._update(task)
                self._recollect(task)
                task.tick(self._robot() if task.goal else None, time.monotonic())
        self._topics.report(self._task)
        self._remove_questions()
        self._waits.poll()

    async def _on_go_to(self, request: GoTo.Request, response: GoTo.Response) -> GoTo.Response:
        try:
            task = await self._begin(request)
        except Talk2DinoError as error:
            response.state.value, response.message = State.FAILED, str(error)
            return response
        await self._waits.until(lambda: task.is_ended or task.goal is not None, math.inf)
        response.success = task.goal is not None and (not task.is_ended or task.state == State.REACHED)
        fill_answer(response, task, self._settings().goal_frame, time.monotonic())
        return response

    async def _on_go(self, handle: Any) -> GoToAction.Result:
        try:
            return await self._go(handle)
        except Exception as error:
            self._node.note_fault("a go_to failed", error)
            handle.abort()
            return GoToAction.Result(message=FAULT.format(error=error), state=GoToState(value=State.FAILED))
        finally:
            self._tasks.pop(bytes(handle.goal_id.uuid), None)

    async def _go(self, handle: Any) -> GoToAction.Result:
        result = GoToAction.Result()
        try:
            task = await self._begin(handle.request, handle)
        except Talk2DinoError as error:
            result.state.value, result.message = State.FAILED, str(error)
            handle.abort()
            return result
        while not task.is_ended:
            handle.publish_feedback(self._feedback(task))
            await self._waits.until(changed(task), self._settings().feedback_period_s)
        fill_answer(result, task, self._settings().goal_frame, time.monotonic())
        end = handle.succeed if task.state == State.REACHED else handle.abort
        (handle.canceled if handle.is_cancel_requested else end)()
        return result

    def _on_cancel(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._end(State.CANCELLED, "cancelled by the service ~/cancel")
        response.message = "the go_to was cancelled" if response.success else "no go_to is under way"
        return response

    def _on_cancel_go(self, handle: Any) -> CancelResponse:
        task = self._tasks.get(bytes(handle.goal_id.uuid))
        if task:
            task.end(State.CANCELLED, "cancelled by the client of the action")
            self._topics.report(self._task)
        return CancelResponse.ACCEPT

    async def _begin(self, request: Any, handle: Any = None) -> GoToTask:
        """End the go-to task before and begin one; its word is looked for then, or it has ended.

        Raises Talk2DinoError for a request that cannot be meant, and while the node is not active.
        """
        settings = self._settings()
        if self._objects_sub is None or self._vocabulary is None:
            raise NotActiveError(NOT_ACTIVE)
        go_to_request = read_go_to_request(request, settings)
        self._end(State.CANCELLED, f"another go_to came, to {go_to_request.describe()}")
        task = self._task = GoToTask(go_to_request, settings)
        if handle is not None:
            self._tasks[bytes(handle.goal_id.uuid)] = task
            if handle.is_cancel_requested:
                task.end(State.CANCELLED, "cancelled by the client of the action")
        self._topics.report(self._task)
        await self._search(task, self._vocabulary, settings)
        return task

    async def _search(self, task: GoToTask, vocabulary: VocabularyClient, settings: GoalParameters) -> None:
        try:
            await vocabulary.ensure(
                task.go_to_request.words,
                add=settings.add_words,
                timeout_s=settings.segmenter_timeout_s,
                is_over=lambda: task.is_ended,
            )
        except NotInVocabularyError as error:
            task.end(State.NOT_IN_VOCABULARY, str(error))
        except Talk2DinoError as error:
            task.end(State.FAILED, str(error))
        if self._surroundings is not None and not task.is_ended:
            self._surroundings.forget_old(settings.lost_timeout_s)
            task.start_searching(time.monotonic())
            with self._failing(task):
                self._update(task)
            if task.recall.is_pending:
                self._node.executor.create_task(self._remember(task, settings))
        self._topics.report(self._task)

    async def _remember(self, task: GoToTask, settings: GoalParameters) -> None:
        """Give the task what the memory knows; beside the search, which goes on."""
        if self._memory is None or self._surroundings is None:
            return
        with self._failing(task):
            try:
                words = task.go_to_request.words
                answer = await self._memory.find(words, settings.memory_timeout_s, lambda: task.is_ended)
                task.take_places(self._surroundings.recalled(answer) if not task.is_ended else (), answer.message)
            except (NoMemoryError, TransformError) as error:
                task.fail_to_recall(str(error))

    def _on_objects(self, array: TrackedObjectArray) -> None:
        assert self._surroundings is not None
        self._surroundings.take(array)
        if self._task and self._task.is_searching:
            with self._failing(self._task):
                self._update(self._task)
            self._topics.report(self._task)
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
        self._publish_of(task, lambda around: _updated(task, around))

    def _recollect(self, task: GoToTask) -> None:
        """Go to a place of the memory where it is time for it; publish the goal."""
        now_ns = self._node.get_clock().now().nanoseconds
        self._publish_of(task, lambda around: task.recollect(around.robot, around.place, time.monotonic(), now_ns))

    def _publish_of(self, task: GoToTask, step: Callable[[Surroundings], GoalChange]) -> None:
        if self._surroundings is None:
            return
        try:
            change = step(self._surroundings)
        except (TransformError, NoCostmapError, GridError) as error:
            task.set_failure_reason(str(error))
            self._topics.warn(str(error))
            return
        self._topics.publish_goal(task, change, self._settings().goal_frame)

    def _robot(self) -> Pose | None:
        try:
            return self._surroundings.robot() if self._surroundings else None
        except TransformError as error:
            self._topics.warn(str(error))
            return None

    def _feedback(self, task: GoToTask) -> GoToAction.Feedback:
        robot = self._robot() if task.goal else None
        return feedback_message(task, robot, self._settings().goal_frame, time.monotonic())

    def _end(self, state: State, message: str) -> bool:
        """End the go-to task; return whether there was one under way."""
        task = self._task
        if task is None or task.is_ended:
            return False
        task.end(state, message)
        self._topics.report(self._task)
        return True

    def _remove_questions(self) -> None:
        """Remove the questions that were added for go-to tasks, but for the active one's."""
        task = self._task
        if self._vocabulary is not None:
            self._vocabulary.keep_only("" if task is None or task.is_ended else task.go_to_request.name)

    def wait_for_removal(self, timeout_s: float) -> None:
        """Wait for the segmenter's answer after the executor has stopped."""
        if self._vocabulary is not None:
            self._vocabulary.wait_for_removal(timeout_s)


def _updated(task: GoToTask, around: Surroundings) -> GoalChange:
    view = around.newest_view(task.go_to_request.name)
    return GoalChange.NONE if view is None else task.update(view, around.robot, around.place, time.monotonic())
