# SPDX-License-Identifier: Apache-2.0
"""The services ~/go_to and ~/cancel and the action ~/go: one errand at a time, and what is published of it.

The callbacks are coroutines that await the errand's course, in groups that let others in meanwhile: the one executor
thread goes on with the things, TF, and the next go_to, which ends the one before.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import PoseStamped
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from std_srvs.srv import Trigger
from talk2dino_msgs.action import GoTo as GoToAction
from talk2dino_msgs.msg import GoToState, ThingArray
from talk2dino_msgs.srv import GoTo

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.goal.errand import Errand, News, State
from talk2dino_ros.goal.grid import GridError
from talk2dino_ros.goal.messages import fill_answer, goal_message, request_to_wish
from talk2dino_ros.goal.stand_off import distance_between
from talk2dino_ros.goal.surroundings import NoCostmapError, Surroundings
from talk2dino_ros.goal.vocabulary_client import NotInVocabularyError, VocabularyClient
from talk2dino_ros.goal.waits import Waits
from talk2dino_ros.qos import LATCHED, RELIABLE
from talk2dino_ros.tf.transforms import TransformError

if TYPE_CHECKING:
    from talk2dino_ros.goal.parameters import GoalParameters
    from talk2dino_ros.goal.stand_off import Pose

NOT_ACTIVE = "the node goal is not active, expected it so; activate it (ros2 lifecycle set <node> activate)"
FAULT = "the go_to failed by a fault of this program ({error!r}); the node's log has the details"
WARN_EVERY_S = 5.0
THINGS = QoSProfile(depth=10)  # none is to be lost while a pose is computed, as one of them may be the only sighting


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
        self._errand: Errand | None = None
        self._errands: dict[bytes, Errand] = {}  # of the actions under way, by goal id
        self._surroundings: Surroundings | None = None
        self._vocabulary: VocabularyClient | None = None
        self._things_sub: Any = None
        self._reported: tuple[Errand, State] | None = None
        self._goal_pub = node.create_publisher(PoseStamped, "goal_pose", RELIABLE)
        self._update_pub = node.create_publisher(PoseStamped, "goal_update", RELIABLE)
        self._state_pub = node.create_publisher(GoToState, "~/state", LATCHED)
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

    def activate(self) -> None:
        """Listen to the things, and take requests."""
        topic = f"{self._settings().segmenter}/things"
        self._things_sub = self._node.create_subscription(ThingArray, topic, self._on_things, THINGS)

    def deactivate(self) -> None:
        """End what is under way."""
        if self._things_sub is not None:
            self._node.destroy_subscription(self._things_sub)
            self._things_sub = None
        self._end(State.CANCELLED, "the node goal was deactivated")
        self._take_words_away()
        self._waits.look()

    def tear_down(self) -> None:
        """Stop listening; the services stay, and say that it is too early."""
        self.deactivate()
        for part in (self._surroundings, self._vocabulary):
            if part is not None:
                part.destroy()
        self._surroundings = self._vocabulary = None

    def destroy(self) -> None:
        """Give back what the node does not know of."""
        self._action.destroy()

    def tick(self) -> None:
        """Look at the clock, the robot and late transforms; let those go on who waited for it."""
        errand = self._errand
        if errand and errand.is_searching:
            with self._failing(errand):
                self._look(errand)
                errand.tick(self._robot() if errand.goal else None, time.monotonic())
        self._report()
        self._take_words_away()
        self._waits.look()

    async def _on_go_to(self, request: GoTo.Request, response: GoTo.Response) -> GoTo.Response:
        try:
            errand = await self._begin(request)
        except Talk2DinoError as error:
            response.state.value, response.message = State.FAILED, str(error)
            return response
        await self._waits.until(lambda: errand.is_ended or errand.goal is not None, math.inf)
        response.success = errand.goal is not None and (not errand.is_ended or errand.state == State.REACHED)
        fill_answer(response, errand, self._settings().goal_frame)
        return response

    async def _on_go(self, handle: Any) -> GoToAction.Result:
        try:
            return await self._go(handle)
        except Exception as error:
            self._node.note_fault("a go_to failed", error)
            handle.abort()
            return GoToAction.Result(message=FAULT.format(error=error), state=GoToState(value=State.FAILED))
        finally:
            self._errands.pop(bytes(handle.goal_id.uuid), None)

    async def _go(self, handle: Any) -> GoToAction.Result:
        result = GoToAction.Result()
        try:
            errand = await self._begin(handle.request, handle)
        except Talk2DinoError as error:
            result.state.value, result.message = State.FAILED, str(error)
            handle.abort()
            return result
        while not errand.is_ended:
            handle.publish_feedback(self._feedback(errand))
            await self._waits.until(changed(errand), self._settings().feedback_period_s)
        fill_answer(result, errand, self._settings().goal_frame)
        end = handle.succeed if errand.state == State.REACHED else handle.abort
        (handle.canceled if handle.is_cancel_requested else end)()
        return result

    def _on_cancel(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._end(State.CANCELLED, "cancelled by the service ~/cancel")
        response.message = "the go_to was cancelled" if response.success else "no go_to is under way"
        return response

    def _on_cancel_go(self, handle: Any) -> CancelResponse:
        errand = self._errands.get(bytes(handle.goal_id.uuid))
        if errand:
            errand.end(State.CANCELLED, "cancelled by the client of the action")
            self._report()
        return CancelResponse.ACCEPT

    async def _begin(self, request: Any, handle: Any = None) -> Errand:
        """End the errand before and begin one; its word is looked for then, or it has ended.

        Raises Talk2DinoError for a request that cannot be meant, and while the node is not active.
        """
        settings = self._settings()
        if self._things_sub is None or self._vocabulary is None:
            raise NotActiveError(NOT_ACTIVE)
        wish = request_to_wish(request, settings)
        self._end(State.CANCELLED, f"another go_to came, to {wish.describe()}")
        errand = self._errand = Errand(wish, settings)
        if handle is not None:
            self._errands[bytes(handle.goal_id.uuid)] = errand
            if handle.is_cancel_requested:
                errand.end(State.CANCELLED, "cancelled by the client of the action")
        self._report()
        await self._have_looked_for(errand, self._vocabulary, settings)
        return errand

    async def _have_looked_for(self, errand: Errand, vocabulary: VocabularyClient, settings: GoalParameters) -> None:
        try:
            await vocabulary.ensure(
                errand.wish.words,
                add=settings.add_words,
                timeout_s=settings.segmenter_timeout_s,
                is_over=lambda: errand.is_ended,
            )
        except NotInVocabularyError as error:
            errand.end(State.NOT_IN_VOCABULARY, str(error))
        except Talk2DinoError as error:
            errand.end(State.FAILED, str(error))
        if self._surroundings is not None and not errand.is_ended:
            self._surroundings.forget_old(settings.lost_timeout_s)
            errand.start_searching(time.monotonic())
            with self._failing(errand):
                self._look(errand)
        self._report()

    def _on_things(self, array: ThingArray) -> None:
        assert self._surroundings is not None
        self._surroundings.take(array)
        if self._errand and self._errand.is_searching:
            with self._failing(self._errand):
                self._look(self._errand)
            self._report()
            self._waits.look()
        else:
            self._surroundings.forget_old(self._settings().lost_timeout_s)

    def _on_jump(self, back_s: float) -> None:
        reason = f"the clock went back by {back_s:.1f} s, so the thing has to be seen again, and the last goal stands"
        self._node.get_logger().warning(reason)
        if self._errand:
            self._errand.forget(reason)

    @contextmanager
    def _failing(self, errand: Errand) -> Iterator[None]:
        """End the errand where the block raises what nothing expects, so that its client is answered."""
        try:
            yield
        except Exception as error:
            self._node.note_fault("a go_to failed", error)
            errand.end(State.FAILED, FAULT.format(error=error))

    def _look(self, errand: Errand) -> None:
        """Take the newest things; publish the goal that comes of them."""
        surroundings = self._surroundings
        if surroundings is None:
            return
        try:
            view = surroundings.newest_view(errand.wish.name)
            if view is None:
                return
            news = errand.look(view, surroundings.robot, surroundings.place, time.monotonic())
        except (TransformError, NoCostmapError, GridError) as error:
            errand.hinder(str(error))
            self._warn(str(error))
            return
        if news != News.NONE:
            goal = goal_message(errand, self._settings().goal_frame)
            (self._goal_pub if news == News.FIRST_GOAL else self._update_pub).publish(goal)
            if news == News.FIRST_GOAL and not self._goal_pub.get_subscription_count():
                self._warn(f"nobody listens to {self._goal_pub.topic}, so that no robot drives; start the planner")

    def _robot(self) -> Pose | None:
        try:
            return self._surroundings.robot() if self._surroundings else None
        except TransformError as error:
            self._warn(str(error))
            return None

    def _feedback(self, errand: Errand) -> GoToAction.Feedback:
        feedback = GoToAction.Feedback(message=errand.message, state=GoToState(value=errand.state.value))
        robot = self._robot() if errand.goal else None
        feedback.distance_m = distance_between(robot, errand.goal) if robot and errand.goal else math.nan
        feedback.unseen_s = errand.unseen_s(time.monotonic())
        if errand.goal and errand.thing:
            feedback.goal, feedback.id = goal_message(errand, self._settings().goal_frame), errand.thing.id
        return feedback

    def _end(self, state: State, message: str) -> bool:
        """End the errand; return whether there was one under way."""
        errand = self._errand
        if errand is None or errand.is_ended:
            return False
        errand.end(state, message)
        self._report()
        return True

    def _take_words_away(self) -> None:
        """Leave in the vocabulary what is still gone to, of all words that were brought in for it."""
        errand = self._errand
        if self._vocabulary is not None:
            self._vocabulary.keep_only("" if errand is None or errand.is_ended else errand.wish.name)

    def wait_until_words_are_away(self, timeout_s: float) -> None:
        """Wait for the segmenter's answer, when nobody serves the node any more."""
        removal = self._vocabulary.removal if self._vocabulary is not None else None
        if removal is not None and not removal.done():
            executor = SingleThreadedExecutor(context=self._node.context)
            executor.add_node(self._node)
            executor.spin_until_future_complete(removal, timeout_s)

    def _report(self) -> None:
        """Publish and log the errand's state where it is another one than before."""
        errand = self._errand
        if errand is None or (errand, errand.state) == self._reported or not self._node.context.ok():
            return
        self._reported = (errand, errand.state)
        self._state_pub.publish(GoToState(value=errand.state.value))
        self._node.get_logger().info(f"{errand.state.name}: {errand.message}")

    def _warn(self, sentence: str) -> None:
        self._node.get_logger().warning(sentence, throttle_duration_sec=WARN_EVERY_S)


def changed(errand: Errand) -> Callable[[], bool]:
    """Return the condition that the errand is in another state than now."""
    state = errand.state
    return lambda: errand.is_ended or errand.state != state
