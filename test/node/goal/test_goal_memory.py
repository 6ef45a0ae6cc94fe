# SPDX-License-Identifier: Apache-2.0
"""A go_to over the places of a memory, which is a service of the test: remembered, verified, seen again, gone."""

import math
import re

import pytest
from action_msgs.msg import GoalStatus, GoalStatusArray
from rclpy.qos import qos_profile_action_status_default
from scripted_world import place_of, remembered, stamped_ns, tracked
from talk2dino_msgs.msg import GoToState
from talk2dino_msgs.srv import GoTo

HOUR_NS = 3600 * 10**9
ONLY, LIVE = GoTo.Request.ONLY, GoTo.Request.LIVE


def test_the_places_of_the_memory_are_gone_to_until_one_is_seen_again(make_world):
    world = make_world("/with_memory", "live_first_s:=0.2", "verify_s:=100.0", "same_place_m:=0.5")
    world.serve_memory()
    world.wait_until_heard()
    world.memory_frame = "odom"  # a metre beside the map's origin
    seen_ns = world.now_ns() - HOUR_NS
    world.remembered = [remembered(3.0, 0.0, seen_ns=seen_ns), remembered(-1.0, 4.0, number=8, seen_ns=seen_ns)]
    reply = world.go_to("cup: cup, mug", stand_off_m=1.0)
    assert world.finds[0] == "cup: cup, mug"
    assert (reply.success, reply.state.value) == (True, GoToState.REMEMBERED)
    assert (reply.from_memory, reply.place_id, reply.id) == (True, 7, 0)
    assert reply.age_s == pytest.approx(3600.0, abs=60.0)
    assert place_of(reply.goal) == pytest.approx((3.0, 0.0, 0.0))
    assert (reply.position.point.x, reply.position.point.y) == pytest.approx((4.0, 0.0))
    assert stamped_ns(reply.position) == seen_ns
    assert abs(stamped_ns(reply.goal) - world.now_ns()) < 60 * 10**9
    assert re.search("where it was last seen 6[0-9] min ago", reply.message)  # with the time that the test has taken

    handle = world.send(stand_off_m=1.0)  # the same by the action
    world.wait_for(lambda: world.is_in(GoToState.REMEMBERED), "the way to the first place")
    assert world.feedback[-1].unseen_s == pytest.approx(3600.0, abs=60.0)
    world.stand_at_goal()
    world.wait_for(lambda: world.is_in(GoToState.VERIFYING), "the look at the place")
    world.objects = [tracked(4.1, 0.1, number=5)]
    world.wait_for(lambda: world.feedback[-1].id == 5, "the object")
    world.stand_at_goal()
    check_is_reached(world.result_of(handle).result, 5)

    def goes_to(x: float, y: float) -> bool:
        """Whether the robot is sent to this remembered place: a metre before it."""
        return world.is_in(GoToState.REMEMBERED) and math.isclose(math.dist(goal_of(world), (x, y)), 1.0)

    assert world.set_parameter("verify_s", 1.0).successful
    world.objects, world.robot = [], (0.0, 0.0, 0.0)
    world.wait_until_shown()
    handle = world.send(stand_off_m=1.0)
    world.wait_for(lambda: goes_to(4.0, 0.0), "the first place")
    world.stand_at_goal()
    world.wait_for(lambda: goes_to(0.0, 4.0), "the second place")
    world.wait_for(lambda: GoToState.GONE in world.states, "the state")
    world.objects = [tracked(0.1, 4.1, number=3)]
    world.wait_for(lambda: world.feedback[-1].id == 3, "the object")
    world.stand_at_goal()
    check_is_reached(world.result_of(handle).result, 3)

    world.objects, world.robot = [], (0.0, 0.0, 0.0)
    world.wait_until_shown()
    world.remembered = [remembered(3.0, 0.0, seen_ns=seen_ns)]
    handle = world.send(stand_off_m=1.0, memory=ONLY)
    world.wait_for(lambda: goes_to(4.0, 0.0), "the place")
    world.stand_at_goal()
    result = world.result_of(handle).result
    assert (result.state.value, result.from_memory) == (GoToState.NOT_THERE_ANY_MORE, True)
    assert re.search(r"it is not at \(4\.00, 0\.00\), where it was last seen 6[0-9] min ago", result.message)

    world.remembered = []
    reply = world.go_to(memory=ONLY)
    assert (reply.success, reply.state.value) == (False, GoToState.NEVER_SEEN)
    assert "from the memory alone: was not found in 12 m2" in reply.message

    world.memory_frame, world.remembered = "nowhere", [remembered(3.0, 0.0)]
    reply = world.go_to(memory=ONLY)
    assert reply.state.value == GoToState.FAILED
    assert "nowhere" in reply.message

    finds = len(world.finds)
    reply = world.go_to(memory=LIVE, timeout_s=0.5)
    assert reply.state.value == GoToState.NEVER_SEEN
    assert len(world.finds) == finds


def goal_of(world) -> tuple[float, float]:
    """Where the newest feedback says that the robot is sent to."""
    return place_of(world.feedback[-1].goal)[:2]


def check_is_reached(result, number: int) -> None:
    """The robot stands before an object that was seen where it was remembered."""
    assert (result.state.value, result.from_memory, result.place_id) == (GoToState.REACHED, False, 0)
    assert result.id == number
    assert "where it was remembered" in result.message
    assert result.age_s < 60.0


def test_without_a_memory_only_says_what_to_start_and_also_goes_on_live(world):
    reply = world.go_to(memory=ONLY)
    assert (reply.success, reply.state.value) == (False, GoToState.FAILED)
    assert "memory/find is not there; start the node memory" in reply.message
    assert world.goals == []
    handle = world.send()
    world.wait_for(lambda: world.is_in(GoToState.SEARCHING), "the search")
    world.objects = [tracked(3.0, 0.0)]
    world.wait_for(lambda: world.goals, "goal_pose")
    world.robot = place_of(world.goals[0])
    assert world.result_of(handle).result.state.value == GoToState.REACHED


def test_a_place_that_the_planner_gives_up_is_left_for_the_next_one(make_world):
    world = make_world("/with_planner", "live_first_s:=0.0")
    world.serve_memory()
    status_pub = world.node.create_publisher(
        GoalStatusArray, "navigate_to_pose/_action/status", qos_profile_action_status_default
    )
    world.wait_until_heard()
    world.wait_for(status_pub.get_subscription_count, "the node at the planner's status")
    old = status_of(1, GoalStatus.STATUS_ABORTED)
    status_pub.publish(GoalStatusArray(status_list=[old]))
    world.remembered = [remembered(3.0, 0.0), remembered(-1.0, 4.0, number=8)]
    handle = world.send(stand_off_m=1.0)
    world.wait_for(lambda: len(world.goals) == 1, "the first place")
    taken = [old, status_of(2, GoalStatus.STATUS_EXECUTING)]
    status_pub.publish(GoalStatusArray(status_list=taken))
    taken[1].status = GoalStatus.STATUS_ABORTED
    status_pub.publish(GoalStatusArray(status_list=taken))
    world.wait_for(lambda: len(world.goals) == 2, "the second place")
    taken.append(status_of(3, GoalStatus.STATUS_ABORTED))
    status_pub.publish(GoalStatusArray(status_list=taken))
    result = world.result_of(handle).result
    assert result.state.value == GoToState.FAILED
    assert result.message.count("the robot did not get there: the planner has given up the goal") == 2

    handle = world.send(stand_off_m=1.0)
    world.wait_for(lambda: len(world.goals) == 3, "the first place again")
    status_pub.publish(GoalStatusArray(status_list=[*taken, status_of(4, GoalStatus.STATUS_CANCELED)]))
    assert world.result_of(handle).result.state.value == GoToState.CANCELLED


def status_of(number: int, status: int) -> GoalStatus:
    """A goal that was taken at second `number`."""
    goal = GoalStatus(status=status)
    goal.goal_info.goal_id.uuid[0] = goal.goal_info.stamp.sec = number
    return goal
