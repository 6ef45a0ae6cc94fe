# SPDX-License-Identifier: Apache-2.0
"""The client of the planner's action, by the messages that go and come: statuses, cancelling, and who is there."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")

from action_msgs.msg import GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal

from talk2dino_ros.goal.planner.planner_client import PlannerClient
from talk2dino_ros.goal.planner.planner_goals import GoalFate


class Planner:
    """A planner's action with one client at it; `warnings` are in the client's log."""

    srv_name = "/robot/navigate_to_pose/_action/cancel_goal"
    topic_name = "/robot/navigate_to_pose/_action/status"

    def __init__(self) -> None:
        self.asked: list[tuple[object, str]] = []
        self.cancelled: list[int] = []
        self.warnings: list[str] = []
        self.gids = [[1] * 16]
        self.answer = CancelGoal.Response.ERROR_NONE
        node = SimpleNamespace(
            create_subscription=self._subscribe,
            create_client=self._make_client,
            get_publishers_info_by_topic=self._publishers,
            get_logger=lambda: SimpleNamespace(warning=self.warnings.append),
        )
        self.client = PlannerClient(node, "robot/navigate_to_pose")

    def _subscribe(self, kind, topic, callback, _qos):
        self.asked.append((kind, topic))
        self._callback = callback
        return self

    def _make_client(self, kind, name):
        self.asked.append((kind, name))
        return self

    def _publishers(self, topic):
        assert topic == self.topic_name
        return [SimpleNamespace(endpoint_gid=gid) for gid in self.gids]

    def call_async(self, request):
        self.cancelled.append(int(request.goal_info.goal_id.uuid[0]))
        assert request.goal_info.stamp.sec == request.goal_info.stamp.nanosec == 0  # no other goals than this one
        answer = CancelGoal.Response(return_code=self.answer)
        return SimpleNamespace(add_done_callback=lambda then: then(SimpleNamespace(result=lambda: answer)))

    def say(self, *statuses: int) -> GoalFate:
        """Publish the statuses of all goals since the first one."""
        array = GoalStatusArray()
        for number, status in enumerate(statuses, 1):
            goal = GoalStatus(status=status)
            goal.goal_info.stamp.sec = goal.goal_info.goal_id.uuid[0] = number
            array.status_list.append(goal)
        self._callback(array)
        return self.client.fate


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (GoalStatus.STATUS_ACCEPTED, GoalFate.UNKNOWN),
        (GoalStatus.STATUS_EXECUTING, GoalFate.UNKNOWN),
        (GoalStatus.STATUS_CANCELING, GoalFate.UNKNOWN),
        (GoalStatus.STATUS_SUCCEEDED, GoalFate.DONE),
        (GoalStatus.STATUS_ABORTED, GoalFate.GIVEN_UP),
        (GoalStatus.STATUS_CANCELED, GoalFate.CANCELLED),
    ],
)
def test_the_fate_of_a_goal_is_told_by_its_status(status, fate):
    planner = Planner()
    assert planner.asked == [
        (GoalStatusArray, "robot/navigate_to_pose/_action/status"),
        (CancelGoal, "robot/navigate_to_pose/_action/cancel_goal"),
    ]
    planner.say()
    planner.client.send()
    assert planner.say(status) == fate


def test_a_goal_is_cancelled_by_its_id_and_a_refusal_is_told():
    planner = Planner()
    planner.say(GoalStatus.STATUS_EXECUTING)
    planner.client.send()
    planner.say(GoalStatus.STATUS_ABORTED, GoalStatus.STATUS_EXECUTING)
    planner.client.let_go(is_reached=False)
    assert (planner.cancelled, planner.warnings) == ([2], [])
    planner.client.send()
    planner.client.let_go(is_reached=False)
    planner.answer = CancelGoal.Response.ERROR_REJECTED
    planner.say(GoalStatus.STATUS_ABORTED, GoalStatus.STATUS_CANCELED, GoalStatus.STATUS_EXECUTING)
    assert planner.cancelled == [2, 3]
    assert planner.warnings == [f"{planner.srv_name} refuses to cancel the goal; the robot drives on"]


def test_a_planner_that_starts_anew_has_another_address():
    planner = Planner()
    planner.say()
    planner.client.send()
    assert planner.say(GoalStatus.STATUS_EXECUTING) == GoalFate.UNKNOWN
    planner.gids.append([2] * 16)  # the old one is not known to be dead yet
    assert planner.client.fate == GoalFate.UNKNOWN
    planner.gids = [[2] * 16]
    assert planner.client.fate == GoalFate.VANISHED


def test_a_planner_that_ends_before_it_tells_of_the_goal_is_missed_whoever_follows_it():
    planner = Planner()
    planner.client.send()
    planner.gids.append([2] * 16)
    assert planner.client.fate == GoalFate.UNKNOWN
    planner.gids = [[2] * 16]
    assert planner.client.fate == GoalFate.VANISHED
    planner.client.send()
    assert planner.client.fate == GoalFate.UNKNOWN


def test_without_a_name_nothing_is_asked():
    client = PlannerClient(SimpleNamespace(), "")
    client.send()
    client.let_go(is_reached=False)
    assert client.fate == GoalFate.UNKNOWN
    client.destroy()
