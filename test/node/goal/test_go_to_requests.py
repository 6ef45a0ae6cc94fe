# SPDX-License-Identifier: Apache-2.0
"""How a go_to ends: reached, refused, failed, lost or cancelled, by the service and by the action."""

import math
import time

import pytest
from action_msgs.msg import GoalStatus
from scripted_world import place_of, tracked
from std_srvs.srv import Trigger
from talk2dino_msgs.msg import GoToState, TrackedObject
from talk2dino_msgs.srv import GoTo


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"class_name": " "}, "blank class name"),
        ({"class_name": "!cup"}, "a name without a mark"),
        ({"which": 7}, "which is 7, expected one of 0 (NEAREST), 1 (MOST_CONFIDENT), 2 (BY_ID)"),
        ({"which": 2}, "id is 0"),
        ({"stand_off_m": -1.0}, "stand_off_m is -1"),
        ({"stand_off_m": 0.1}, "metres from robot_radius_m (0.25)"),
        ({"stand_off_m": math.nan}, "stand_off_m is nan"),
        ({"timeout_s": -2.0}, "timeout_s is -2, expected seconds above 0"),
        ({"timeout_s": math.inf}, "timeout_s is inf"),
    ],
)
def test_an_invalid_request_is_refused_with_the_reason(world, fields, words):
    reply = world.go_to(**{"class_name": "cup", **fields})
    assert (reply.success, reply.state.value) == (False, GoToState.FAILED)
    assert words in reply.message
    assert world.goals == []


def test_an_invalid_request_does_not_end_the_active_go_to(world):
    world.objects = [tracked(3.0, 0.0)]
    handle = world.send()
    world.wait_for(lambda: world.goals, "goal_pose")
    assert not world.go_to(which=9).success
    world.robot = place_of(world.goals[0])
    assert world.result_of(handle).result.state.value == GoToState.REACHED


def test_an_object_that_is_never_confirmed_times_out_as_never_seen(world):
    world.objects = [tracked(3.0, 0.0, state=TrackedObject.TENTATIVE)]
    reply = world.go_to(timeout_s=0.4)
    assert (reply.success, reply.state.value) == (False, GoToState.NEVER_SEEN)
    assert reply.message == (
        "no goal for 'cup' in 0.4 s: 1 seen, not yet often enough to trust; turn the robot, use another word, or "
        "raise timeout_s"
    )
    assert world.goals == []


def test_an_unknown_id_times_out_and_lists_the_known_ids(world):
    world.objects = [tracked(3.0, 0.0, number=4)]
    reply = world.go_to(which=2, id=3, timeout_s=0.4)
    assert reply.state.value == GoToState.NEVER_SEEN
    assert "only others are there, with the ids [4]" in reply.message


def test_an_object_without_a_position_fails_the_go_to_and_asks_for_depth(world):
    world.objects = [tracked(3.0, 0.0, has_position=False)]
    reply = world.go_to(timeout_s=0.4)
    assert reply.state.value == GoToState.FAILED
    assert "without a position; give the segmenter depth and camera_info" in reply.message


def test_a_nan_position_counts_as_none(world):
    world.objects = [tracked(math.nan, 0.0)]
    reply = world.go_to(timeout_s=0.4)
    assert "without a position" in reply.message
    assert world.goals == []


def test_a_silent_objects_topic_fails_the_go_to(world, vary):
    vary("lost_timeout_s", 0.1)
    world.is_shown = False
    world.wait_until_known()  # and has taken all that was shown
    time.sleep(0.2)  # which is older than lost_timeout_s now
    reply = world.go_to(timeout_s=0.4)
    assert reply.state.value == GoToState.FAILED
    assert "no message on the topic of the objects" in reply.message


def test_the_action_gives_feedback_and_succeeds_once_the_robot_is_there_and_faces_the_object(world):
    handle = world.send(keep_looking=True, stand_off_m=1.0)
    assert handle.accepted
    world.wait_for(lambda: GoToState.SEARCHING in world.feedback_states(), "feedback of the search")
    assert math.isnan(world.feedback[-1].distance_m)
    assert math.isnan(world.feedback[-1].unseen_s)
    begin_s = time.monotonic()
    world.objects = [tracked(4.0, 0.0)]
    world.wait_for(lambda: GoToState.SEEN in world.feedback_states(), "feedback of the goal")
    seen = next(feedback for feedback in world.feedback if feedback.state.value == GoToState.SEEN)
    assert math.isclose(seen.distance_m, 3.0, abs_tol=1e-5)
    assert 0.0 <= seen.unseen_s < time.monotonic() - begin_s
    assert place_of(seen.goal)[0] == pytest.approx(3.0)
    world.robot = (2.8, 0.1, 1.0)  # near, and it looks aside
    world.wait_for(lambda: world.feedback and world.feedback[-1].distance_m < 0.3, "the robot on its way")
    world.wait_for(lambda: handle.status == GoalStatus.STATUS_EXECUTING, "the action's status")
    world.robot = (2.8, 0.1, 0.2)
    answer = world.result_of(handle)
    assert (answer.status, answer.result.state.value) == (GoalStatus.STATUS_SUCCEEDED, GoToState.REACHED)
    assert answer.result.id == 1
    course = [GoToState.SEARCHING, GoToState.SEEN, GoToState.REACHED]
    world.wait_for(lambda: world.states[-3:] == course, "the states")
    assert len(world.goals) == 1
    assert world.updates == []


def test_a_vanished_object_is_lost_then_seen_again(world, vary):
    vary("lost_timeout_s", 0.5)
    world.objects = [tracked(4.0, 0.0)]
    world.send(keep_looking=True)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.objects = [tracked(4.0, 0.0, state=TrackedObject.LOST)]
    world.wait_for(lambda: world.is_in(GoToState.LOST), "the loss")
    assert "the last goal stands" in world.feedback[-1].message
    world.objects = [tracked(4.0, 0.0)]
    world.wait_for(lambda: world.is_in(GoToState.SEEN), "the object again")
    assert len(world.goals) == 1


def test_an_object_that_stays_away_is_given_up(world, vary):
    vary("lost_timeout_s", 0.2)
    vary("give_up_s", 0.5)
    world.objects = [tracked(4.0, 0.0)]
    handle = world.send(keep_looking=True)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.objects = []
    answer = world.result_of(handle)
    assert (answer.status, answer.result.state.value) == (GoalStatus.STATUS_ABORTED, GoToState.LOST)
    assert "given up" in answer.result.message
    assert len(world.goals) == 1


def test_an_action_client_can_cancel(world):
    world.objects = [tracked(4.0, 0.0)]
    handle = world.send(keep_looking=True)
    world.wait_for(lambda: world.goals, "goal_pose")
    world.result(handle.cancel_goal_async(), "the cancelling")
    answer = world.result_of(handle)
    assert (answer.status, answer.result.state.value) == (GoalStatus.STATUS_CANCELED, GoToState.CANCELLED)
    world.wait_for(lambda: world.states[-1:] == [GoToState.CANCELLED], "the state")


def test_the_cancel_service_ends_a_waiting_go_to(world):
    call = world.call_async(GoTo, "goal/go_to", class_name="cup")
    world.wait_for(lambda: world.states and world.states[-1] == GoToState.SEARCHING, "the search")
    assert world.call(Trigger, "goal/cancel").success
    reply = world.result(call, "go_to")
    assert (reply.success, reply.state.value) == (False, GoToState.CANCELLED)
    again = world.call(Trigger, "goal/cancel")
    assert not again.success
    assert again.message == "no go_to is under way"


def test_a_newer_go_to_cancels_the_older(world):
    handle = world.send("dog", keep_looking=True)
    world.wait_for(lambda: world.feedback, "feedback")
    world.objects = [tracked(4.0, 0.0)]
    assert world.go_to("cup").success
    answer = world.result_of(handle)
    assert (answer.status, answer.result.state.value) == (GoalStatus.STATUS_ABORTED, GoToState.CANCELLED)
    assert "another go_to came, to 'cup'" in answer.result.message
