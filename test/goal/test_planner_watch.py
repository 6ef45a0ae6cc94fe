# SPDX-License-Identifier: Apache-2.0
"""Of the goals at the planner the newest one since the last goal was sent counts, and no earlier one."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")

from action_msgs.msg import GoalStatus, GoalStatusArray

from talk2dino_ros.goal.planner_watch import GoalFate, PlannerWatch

ABORTED, CANCELED, EXECUTING = GoalStatus.STATUS_ABORTED, GoalStatus.STATUS_CANCELED, GoalStatus.STATUS_EXECUTING


class Planner:
    """The status topic of a planner, with one watch on it."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.watch = PlannerWatch(SimpleNamespace(create_subscription=self._subscribe), "robot/navigate_to_pose")

    def _subscribe(self, kind, topic, callback, _qos):
        assert kind is GoalStatusArray
        self.topics.append(topic)
        self._callback = callback
        return object()

    def say(self, **goals: int) -> GoalFate:
        """Publish the statuses of goals, which are named by the second in which they were taken: s1, s2, s2b."""
        array = GoalStatusArray()
        for name, status in goals.items():
            goal = GoalStatus(status=status)
            goal.goal_info.stamp.sec = goal.goal_info.goal_id.uuid[0] = int(name[1])
            goal.goal_info.goal_id.uuid[1] = len(name)
            array.status_list.append(goal)
        self._callback(array)
        return self.watch.fate


def test_a_goal_that_the_planner_gives_up_is_told_of_and_the_one_before_is_not():
    planner = Planner()
    assert planner.topics == ["robot/navigate_to_pose/_action/status"]
    assert planner.watch.fate == GoalFate.UNKNOWN
    planner.watch.begin()
    assert planner.say(s1=EXECUTING) == GoalFate.UNKNOWN
    assert planner.say(s1=ABORTED) == GoalFate.GIVEN_UP
    planner.watch.begin()
    assert planner.watch.fate == GoalFate.UNKNOWN
    assert planner.say(s1=ABORTED, s2=EXECUTING) == GoalFate.UNKNOWN
    assert planner.say(s1=ABORTED, s2=CANCELED) == GoalFate.CANCELLED


def test_a_goal_that_another_one_replaced_counts_for_nothing():
    """Nav2 aborts the goal that it leaves for a newer one."""
    planner = Planner()
    planner.watch.begin()
    assert planner.say(s3=EXECUTING, s2=ABORTED) == GoalFate.UNKNOWN
    assert planner.say(s2=ABORTED, s3=ABORTED) == GoalFate.GIVEN_UP
    assert planner.say(s2=ABORTED, s3=ABORTED, s3b=EXECUTING) == GoalFate.UNKNOWN  # in the same moment of a simulation


def test_a_planner_that_starts_anew_is_believed_again():
    planner = Planner()
    planner.say(s1=ABORTED)
    planner.watch.begin()
    planner.say()
    assert planner.say(s1=ABORTED) == GoalFate.GIVEN_UP


def test_without_a_name_nothing_is_listened_to():
    watch = PlannerWatch(SimpleNamespace(), "")
    watch.begin()
    assert watch.fate == GoalFate.UNKNOWN
    watch.destroy()
