# SPDX-License-Identifier: Apache-2.0
"""Client of the planner's action, as Nav2's navigate_to_pose: what becomes of a goal, and its cancelling."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from action_msgs.msg import GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal

from talk2dino_ros.goal.planner.planner_goals import GoalFate, PlannerGoals, Stage, TakenGoal
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns
from talk2dino_ros.ros.node.qos import STATUSES

STAGES = {
    GoalStatus.STATUS_SUCCEEDED: Stage.DONE,
    GoalStatus.STATUS_ABORTED: Stage.GIVEN_UP,
    GoalStatus.STATUS_CANCELED: Stage.CANCELLED,
}


class PlannerClient:
    """Listens to the status of a planner's action, and cancels its goals; without a name it does nothing.

    Goals go to the planner on goal_pose. Nav2 makes goals of its action of them.
    """

    def __init__(self, node: Any, action: str) -> None:
        self._node = node
        self._goals = PlannerGoals()
        self._home: set[tuple[int, ...]] = set()  # who published the statuses as the last goal was sent, or taken
        self._sub: Any = None
        self._client: Any = None
        if action:
            topic = f"{action}/_action/status"
            self._sub = node.create_subscription(GoalStatusArray, topic, self._on_statuses, STATUSES)
            self._client = node.create_client(CancelGoal, f"{action}/_action/cancel_goal")

    def send(self) -> None:
        """Note that a goal is sent now, which is the one that counts from now on."""
        if self._sub is not None:
            self._home = self._publishers()
            self._goals.send(time.monotonic(), is_planner_there=bool(self._home))

    def let_go(self, *, is_reached: bool) -> None:
        """Follow the last goal no more; cancel it, so that the robot stops, unless that is as good as there."""
        self._cancel(self._goals.let_go(is_reached=is_reached))

    @property
    def fate(self) -> GoalFate:
        """Of the last goal that was sent."""
        if self._sub is None:
            return GoalFate.UNKNOWN
        there = self._publishers()
        is_known = bool(self._home) or self._goals.key is not None
        is_there = bool(there & self._home if is_known else there)
        return self._goals.fate(time.monotonic(), is_planner_there=is_there)

    def destroy(self) -> None:
        """Stop listening."""
        if self._sub is not None:
            self._node.destroy_subscription(self._sub)
            self._node.destroy_client(self._client)

    def _on_statuses(self, array: GoalStatusArray) -> None:
        before = self._goals.key
        self._cancel(self._goals.take([_taken(status) for status in array.status_list], time.monotonic()))
        if self._goals.key != before:
            self._home = self._publishers()

    def _publishers(self) -> set[tuple[int, ...]]:
        infos = self._node.get_publishers_info_by_topic(self._sub.topic_name)
        return {tuple(info.endpoint_gid) for info in infos}

    def _cancel(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            request = CancelGoal.Request()
            request.goal_info.goal_id.uuid = list(key)
            self._client.call_async(request).add_done_callback(self._on_cancelled)

    def _on_cancelled(self, future: Any) -> None:
        answer = future.result()
        if answer is not None and answer.return_code == CancelGoal.Response.ERROR_REJECTED:
            self._node.get_logger().warning(f"{self._client.srv_name} refuses to cancel the goal; the robot drives on")


def _taken(status: GoalStatus) -> TakenGoal:
    goal = status.goal_info
    stage = STAGES.get(status.status, Stage.UNDER_WAY)
    return TakenGoal(bytes(goal.goal_id.uuid), stage, stamp_to_ns(goal.stamp))
