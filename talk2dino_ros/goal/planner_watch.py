# SPDX-License-Identifier: Apache-2.0
"""What becomes of the goals at the planner, by the status of its action: a goal that it gives up is not waited for."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from action_msgs.msg import GoalStatus, GoalStatusArray
from rclpy.qos import qos_profile_action_status_default


class GoalFate(Enum):
    """What the planner has made of the last goal on goal_pose, as far as it has told."""

    UNKNOWN = auto()  # or under way, or reached: whether the robot is there, its pose tells
    GIVEN_UP = auto()
    CANCELLED = auto()


FATES = {GoalStatus.STATUS_ABORTED: GoalFate.GIVEN_UP, GoalStatus.STATUS_CANCELED: GoalFate.CANCELLED}


class PlannerWatch:
    """Listens to the status of a planner's action, as Nav2's navigate_to_pose, to which goals on goal_pose lead too."""

    def __init__(self, node: Any, action: str) -> None:
        self._node = node
        self._statuses: dict[bytes, GoalStatus] = {}
        self._before: set[bytes] = set()
        topic = f"{action}/_action/status"
        profile = qos_profile_action_status_default
        self._sub = node.create_subscription(GoalStatusArray, topic, self._on_statuses, profile) if action else None

    def begin(self) -> None:
        """Forget the goals until now, as another one is sent."""
        self._before |= self._statuses.keys()

    @property
    def fate(self) -> GoalFate:
        """Of the newest goal that the planner has taken since `begin`."""
        taken = [status for key, status in self._statuses.items() if key not in self._before]
        newest = max(reversed(taken), key=_taken_at, default=None)  # the last of one moment: simulated time may stand
        return FATES.get(newest.status, GoalFate.UNKNOWN) if newest else GoalFate.UNKNOWN

    def destroy(self) -> None:
        """Stop listening."""
        if self._sub is not None:
            self._node.destroy_subscription(self._sub)

    def _on_statuses(self, array: GoalStatusArray) -> None:
        self._statuses = {bytes(status.goal_info.goal_id.uuid): status for status in array.status_list}
        self._before &= self._statuses.keys()  # the others have expired


def _taken_at(status: GoalStatus) -> tuple[int, int]:
    stamp = status.goal_info.stamp
    return stamp.sec, stamp.nanosec
