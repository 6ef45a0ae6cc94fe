# SPDX-License-Identifier: Apache-2.0
"""The goals of a go_to at a planner as Nav2's, whose action other clients use too."""

import pytest
from action_msgs.msg import GoalStatus
from navigator import Navigator
from rclpy.serialization import serialize_message
from scripted_world import frame_at, place_of, remembered, tracked
from std_srvs.srv import Trigger
from talk2dino_msgs.msg import GoToState
from tf2_msgs.msg import TFMessage

CANCELED, EXECUTING = GoalStatus.STATUS_CANCELED, GoalStatus.STATUS_EXECUTING


@pytest.fixture(scope="module")
def process(start_goal):
    return start_goal("live_first_s:=0.0", "verify_s:=60.0", namespace="/robot")


@pytest.fixture
def navigator(world):
    world.serve_memory()
    world.remembered = [remembered(4.0, 0.0)]
    navigator = Navigator(world)
    yield navigator
    navigator.destroy()


def drive(world, navigator, **fields):
    """Begin a go_to to the remembered place, and wait until the planner has its goal, and has told the node so."""
    handle = world.send(stand_off_m=1.0, **fields)
    navigator.wait_for_goals(1)
    world.wait_until_known()
    world.wait_for(lambda: world.is_in(GoToState.REMEMBERED), "the way to the place")
    return handle


def test_a_goal_of_another_client_is_seen_by_a_node_that_was_busy_meanwhile(world, navigator):
    # the first test of this file: the node has never heard the planner before
    work = serialize_message(TFMessage(transforms=[frame_at("map", "elsewhere", (0.0, 0.0, 0.0), 10**9)] * 50_000))
    navigator.on_pose = lambda: world._tf_pub.publish(work)  # which is taken before what the planner tells
    go_to = world.send(stand_off_m=1.0)
    navigator.wait_for_goals(1)
    navigator.send()
    navigator.wait_for_goals(2)
    assert world.result_of(go_to).result.message.startswith("another client has sent the planner a goal")


def test_a_goal_of_another_client_ends_the_go_to_and_is_left_alone(world, navigator):
    go_to = drive(world, navigator)
    navigator.send()
    result = world.result_of(go_to).result
    assert (result.state.value, result.message) == (
        GoToState.CANCELLED,
        "another client has sent the planner a goal, which replaces this one",
    )
    world.wait_until_shown()  # what may follow has come
    assert [handle.status for handle in navigator.handles] == [GoalStatus.STATUS_ABORTED, EXECUTING]


@pytest.mark.parametrize("by", ["client", "service", "next go_to"])
def test_a_go_to_that_is_cancelled_takes_its_goal_back(world, navigator, by):
    go_to = drive(world, navigator)
    if by == "client":
        world.result(go_to.cancel_goal_async(), "the cancelling")
    elif by == "service":
        world.call(Trigger, "goal/cancel")
    else:
        world.remembered = []
        world.send("dog")
    assert world.result_of(go_to).result.state.value == GoToState.CANCELLED
    world.wait_for(lambda: navigator.handles[0].status == CANCELED, "the cancelling at the planner")


def test_a_goal_that_the_planner_calls_reached_where_the_robot_is_not_is_left(world, navigator):
    world.robot = (2.5, 0.0, 0.0)  # half a metre before the goal
    go_to = drive(world, navigator)
    navigator.end("succeed")
    # as Nav2 says so of a goal, too, that replaces one in the moment in which it is reached
    navigator.wait_for_goals(2)
    world.wait_for(lambda: len(world.goals) == 2, "goal_pose")
    assert place_of(world.goals[1]) == place_of(world.goals[0])
    navigator.end("succeed")
    result = world.result_of(go_to).result
    assert result.state.value == GoToState.FAILED
    assert (
        "the planner says that the goal is reached, but the robot stands 0.50 m and 0.00 rad off, expected within "
        "xy_tolerance_m (0.3) and yaw_tolerance_rad (0.3)"
    ) in result.message


def test_a_goal_that_has_moved_is_sent_again_where_the_planner_did_not_follow(world, navigator):
    go_to = drive(world, navigator, keep_looking=True)
    world.objects = [tracked(4.0, 2.0)]
    navigator.wait_for_goals(2)
    world.objects = [tracked(4.0, 3.0)]
    world.wait_for(lambda: world.updates, "goal_update")
    navigator.end("succeed")
    navigator.wait_for_goals(3)
    world.wait_for(lambda: len(world.goals) == 3, "goal_pose")
    assert place_of(world.goals[-1]) == pytest.approx(place_of(world.updates[-1]))
    world.robot = place_of(world.goals[-1])
    assert world.result_of(go_to).result.state.value == GoToState.REACHED


def test_another_clients_goal_while_the_place_is_looked_at_is_not_taken_for_an_empty_place(world, navigator):
    go_to = drive(world, navigator)
    world.stand_at_goal()
    world.wait_for(lambda: world.is_in(GoToState.VERIFYING), "the look at the place")
    navigator.end("succeed")
    navigator.send()
    assert world.result_of(go_to).result.state.value == GoToState.CANCELLED


def test_a_planner_that_ends_on_the_way_ends_the_go_to(world, navigator):
    go_to = drive(world, navigator)
    navigator.destroy()
    result = world.result_of(go_to).result
    assert result.state.value == GoToState.FAILED
    assert result.message == ("the planner has ended or restarted on the way to the goal; go there again once it runs")
