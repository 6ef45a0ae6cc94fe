# SPDX-License-Identifier: Apache-2.0
"""The services ~/go_to and ~/cancel and the action ~/go; go_to_runner.py does what they ask for.

The callbacks are coroutines that await the task's course, in groups that let others in meanwhile: the one executor
thread goes on with the objects, TF, and the next go_to, which ends the one before.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from std_srvs.srv import Trigger
from talk2dino_msgs.action import GoTo as GoToAction
from talk2dino_msgs.msg import GoToState
from talk2dino_msgs.srv import GoTo

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.goal.go_to_runner import FAULT, GoToRunner
from talk2dino_ros.goal.goal_messages import feedback_message, fill_answer, read_go_to_request
from talk2dino_ros.goal.goal_topics import GoalTopics, changed
from talk2dino_ros.goal.task.go_to_states import State
from talk2dino_ros.goal.task.go_to_task import GoToTask
from talk2dino_ros.ros.node.qos import REQUESTS_QOS
from talk2dino_ros.ros.node.waits import Waits

if TYPE_CHECKING:
    from talk2dino_ros.goal.goal_alarms import GoalFacts
    from talk2dino_ros.goal.goal_parameters import GoalParameters

NOT_ACTIVE = "the node goal is not active, expected it active; activate it (ros2 lifecycle set <node> activate)"


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
        self._tasks: dict[bytes, GoToTask] = {}  # of the actions under way, by goal id
        self._unanswered = 0  # go_to of service and action
        self._runner: GoToRunner | None = None
        self._topics = GoalTopics(node)
        group = ReentrantCallbackGroup()  # a go_to that waits must not keep the next one out, which ends it
        self._services = [
            node.create_service(GoTo, "~/go_to", self._on_go_to, callback_group=group),
            node.create_service(Trigger, "~/cancel", self._on_cancel, callback_group=group),
        ]
        # rclpy answers the action's own services, and waits 0.1 s for a client that is gone (see late_answers.py): its
        # handle is C++, before which nothing can be put; another way would be an action server of our own.
        self._action: ActionServer | None = ActionServer(
            node,
            GoToAction,
            "~/go",
            self._on_go,
            callback_group=group,
            cancel_callback=self._on_cancel_go,
            goal_service_qos_profile=REQUESTS_QOS,
            result_service_qos_profile=REQUESTS_QOS,
            cancel_service_qos_profile=REQUESTS_QOS,
        )

    def configure(self) -> None:
        """Listen to what is around the robot."""
        self._runner = GoToRunner(self._node, self._settings, self._topics, self._waits)

    def activate(self) -> None:
        """Take requests."""
        if self._runner is not None:
            self._runner.activate()

    def deactivate(self) -> None:
        """Cancel the active go-to task."""
        if self._runner is not None:
            self._runner.deactivate()

    def tear_down(self) -> None:
        """Stop listening; the services stay, and say that it is too early."""
        self.deactivate()
        if self._runner is not None:
            self._runner.destroy()
        self._runner = None

    def destroy(self) -> None:
        """Destroy what the node does not own; a second time there is nothing left."""
        action, self._action = self._action, None
        if action is not None:
            action.destroy()

    def tick(self) -> None:
        """Advance the active go-to task; resume waiting coroutines."""
        if self._runner is not None:
            self._runner.tick()

    def status(self) -> tuple[GoalFacts, str] | None:
        """Return what the watchdogs look at, and what the newest go_to is at; None before configure."""
        return None if self._runner is None else (self._runner.facts(), self._runner.state)

    def answer(self, timeout_s: float) -> None:
        """Send the answers of go_to tasks that have ended, after the executor has stopped, in its own thread.

        It takes all of the time where there are any: an action's result may be asked for only after it is there.
        """
        executor, end_s = self._node.executor, time.monotonic() + timeout_s
        if not self._unanswered or executor is None or threading.current_thread() is not threading.main_thread():
            return
        while time.monotonic() < end_s:
            executor.spin_once(timeout_sec=0.01)

    def wait_for_removal(self, timeout_s: float) -> None:
        """Wait for the segmenter's answer after the executor has stopped."""
        if self._runner is not None:
            self._runner.wait_for_removal(timeout_s)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        self._unanswered += 1
        try:
            yield
        finally:
            self._unanswered -= 1

    async def _on_go_to(self, request: GoTo.Request, response: GoTo.Response) -> GoTo.Response:
        with self._answering():
            return await self._go_to(request, response)

    async def _go_to(self, request: GoTo.Request, response: GoTo.Response) -> GoTo.Response:
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
            with self._answering():
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
        response.success = self._runner is not None and self._runner.end("cancelled by the service ~/cancel")
        response.message = "the go_to was cancelled" if response.success else "no go_to is under way"
        return response

    def _on_cancel_go(self, handle: Any) -> CancelResponse:
        task = self._tasks.get(bytes(handle.goal_id.uuid))
        if task:
            task.end(State.CANCELLED, "cancelled by the client of the action")
            if self._runner is not None:
                self._runner.report()
        return CancelResponse.ACCEPT

    async def _begin(self, request: Any, handle: Any = None) -> GoToTask:
        """End the go-to task before and begin one; its word is looked for then, or it has ended.

        Raises Talk2DinoError for a request that cannot be meant, and while the node is not active.
        """
        runner = self._runner
        if runner is None or not runner.is_active:
            raise NotActiveError(NOT_ACTIVE)
        task = runner.make_task(read_go_to_request(request, self._settings()))
        if handle is not None:
            self._tasks[bytes(handle.goal_id.uuid)] = task
            if handle.is_cancel_requested:
                task.end(State.CANCELLED, "cancelled by the client of the action")
        await runner.search(task)
        return task

    def _feedback(self, task: GoToTask) -> GoToAction.Feedback:
        robot = self._runner.robot() if self._runner and task.goal else None
        return feedback_message(task, robot, self._settings().goal_frame, time.monotonic())
