# SPDX-License-Identifier: Apache-2.0
"""A go-to task's course by a clock of the test's own: what it publishes, when it waits, how it ends."""

import math

import pytest

from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.stand_off import NoFreePoseError, Pose, stand_off_pose
from talk2dino_ros.goal.task.choice import Candidate, GoToRequest
from talk2dino_ros.goal.task.go_to_states import GoalChange, GoalView, State
from talk2dino_ros.goal.task.go_to_task import GoToTask

SETTINGS = GoalParameters(
    lost_timeout_s=2.0,
    give_up_s=10.0,
    goal_tolerance_m=0.2,
    goal_tolerance_rad=0.5,
    goal_update_rate_hz=1.0,
    xy_tolerance_m=0.25,
    yaw_tolerance_rad=0.25,
)
ROBOT = Pose(0.0, 0.0, 0.0)


def task(**changes) -> GoToTask:
    """A go-to task that began to search at 100 s."""
    fields = {"words": "cup", "which": 0, "object_id": 0, "stand_off_m": 1.0, "timeout_s": 5.0, "keep_looking": True}
    made = GoToTask(GoToRequest(**(fields | changes)), SETTINGS)
    made.start_searching(100.0)
    return made


def seen(x: float, y: float = 0.0, *, number: int = 1, stamp: int = 1) -> GoalView:
    return GoalView([Candidate(number, 0.9, (x, y, 0.0), seen_ns=stamp)], ids={number})


def place(candidate, toward, stand_off_m):
    return stand_off_pose(candidate.point, toward, stand_off_m)


def update(task_, view, now_s, *, robot=ROBOT, where=place) -> GoalChange:
    return task_.update(view, lambda: robot, where, now_s)


def test_the_timeout_begins_with_the_search():
    waiting = GoToTask(task().go_to_request, SETTINGS)
    waiting.tick(None, 1e9)
    assert not waiting.is_ended
    assert not waiting.is_searching
    waiting.start_searching(1e9)
    waiting.tick(None, 1e9 + 5.0)
    assert waiting.is_searching
    waiting.tick(None, 1e9 + 5.1)
    assert waiting.is_ended


def test_an_object_not_found_in_time_ends_as_never_seen():
    searching = task()
    update(searching, GoalView(), 101.0)
    searching.tick(None, 105.1)
    assert searching.state == State.NEVER_SEEN
    assert searching.message == (
        "no goal for 'cup' in 5 s: nothing like it seen; turn the robot, use another word, or raise timeout_s"
    )


def test_the_failure_reports_what_prevented_a_goal():
    searching = task()
    update(searching, GoalView(), 101.0)
    searching.set_failure_reason("TF is silent")
    assert (searching.state, searching.message) == (State.SEARCHING, "TF is silent")
    searching.tick(None, 105.1)
    assert (searching.state, searching.message) == (State.FAILED, "no goal for 'cup' in 5 s: TF is silent")


def test_a_reason_that_no_longer_holds_is_not_reported():
    searching = task()
    searching.set_failure_reason("TF is silent")
    update(searching, GoalView(), 101.0)
    searching.tick(None, 105.1)
    assert searching.state == State.NEVER_SEEN


def test_the_first_goal_is_published_and_an_equal_one_is_not():
    going = task()
    assert update(going, seen(4.0), 101.0) == GoalChange.FIRST
    assert (going.state, going.goal) == (State.SEEN, Pose(3.0, 0.0, 0.0))
    assert going.goal_ns == 1
    assert update(going, seen(4.0, stamp=2), 103.0) == GoalChange.NONE
    assert going.goal_ns == 1


@pytest.mark.parametrize(
    ("x", "y", "change"),
    [
        (4.19, 0.0, GoalChange.NONE),
        (4.21, 0.0, GoalChange.MOVED),
        (3.2, 1.0, GoalChange.MOVED),  # the goal turns around the object
    ],
)
def test_a_goal_is_updated_when_it_moved_by_more_than_the_tolerance(x, y, change):
    going = task()
    update(going, seen(4.0), 101.0)
    assert update(going, seen(x, y, stamp=2), 103.0) == change


def test_a_goal_is_updated_when_its_heading_changed():
    going = task()
    update(going, seen(4.0), 101.0)
    turned = Pose(3.0, 0.0, 0.6)
    assert update(going, seen(4.0, stamp=2), 103.0, where=lambda *_: turned) == GoalChange.MOVED


def test_goal_updates_are_limited_to_the_rate():
    going = task()
    update(going, seen(4.0), 101.0)
    assert update(going, seen(5.0, stamp=2), 101.9) == GoalChange.NONE
    assert going.goal == Pose(3.0, 0.0, 0.0)
    assert update(going, seen(5.0, stamp=3), 102.0) == GoalChange.MOVED
    assert (going.goal, going.goal_ns) == (Pose(4.0, 0.0, 0.0), 3)
    assert update(going, seen(6.0, stamp=4), 102.9) == GoalChange.NONE


def test_the_robots_motion_does_not_update_the_goal():
    going = task()
    update(going, seen(4.0), 101.0)
    assert update(going, seen(4.0, stamp=2), 103.0, robot=Pose(4.0, 5.0, 0.0)) == GoalChange.NONE


def test_without_keep_looking_the_first_goal_stands_until_reached():
    going = task(keep_looking=False)
    update(going, seen(4.0), 101.0)
    assert update(going, seen(9.0, stamp=2), 103.0) == GoalChange.NONE
    going.tick(ROBOT, 400.0)
    assert (going.state, going.is_ended) == (State.SEEN, False)
    going.tick(Pose(3.1, 0.1, 0.2), 501.0)
    assert (going.state, going.is_ended) == (State.REACHED, True)
    assert going.message == "the robot stands in front of 'cup', which has not been seen for 398.0 s"


@pytest.mark.parametrize(
    ("robot", "is_there"), [(Pose(2.8, 0.0, -0.2), True), (Pose(2.7, 0.0, 0.0), False), (Pose(3.0, 0.0, 0.3), False)]
)
def test_a_goal_is_reached_by_position_and_heading(robot, is_there):
    going = task()
    update(going, seen(4.0), 101.0)
    going.tick(robot, 101.1)
    assert going.is_ended is is_there


def test_a_robot_whose_place_is_unknown_has_reached_nothing():
    going = task()
    update(going, seen(4.0), 101.0)
    going.tick(None, 102.0)
    assert going.state == State.SEEN


def test_an_unseen_object_is_lost_then_given_up():
    going = task()
    update(going, seen(4.0), 101.0)
    update(going, seen(4.0, stamp=2), 102.0)
    going.tick(ROBOT, 104.0)
    assert going.state == State.SEEN
    going.tick(ROBOT, 104.1)
    assert (going.state, going.is_ended) == (State.LOST, False)
    assert going.message == "'cup' has not been seen for 2.1 s, and the last goal stands"
    assert going.goal == Pose(3.0, 0.0, 0.0)
    going.tick(ROBOT, 112.0)
    assert not going.is_ended
    going.tick(ROBOT, 112.1)
    assert (going.state, going.is_ended) == (State.LOST, True)


def test_the_same_image_again_is_no_detection():
    going = task()
    update(going, seen(4.0), 101.0)
    update(going, seen(4.0, stamp=1), 103.0)  # confirmed still, last seen as before
    going.tick(ROBOT, 103.1)
    assert going.state == State.LOST
    assert going.unseen_s(103.1) == pytest.approx(2.1)


def test_a_lost_object_can_be_seen_again_and_reached_unseen():
    going = task()
    update(going, seen(4.0), 101.0)
    going.tick(ROBOT, 104.0)
    update(going, seen(4.0, stamp=2), 104.1)
    assert going.state == State.SEEN
    going.tick(ROBOT, 107.0)
    going.tick(Pose(3.0, 0.0, 0.0), 107.1)
    assert going.state == State.REACHED
    assert going.message == "the robot stands in front of 'cup', which has not been seen for 3.0 s"


def test_a_hidden_object_is_waited_for_and_a_vanished_one_is_replaced():
    going = task()
    update(going, GoalView([Candidate(1, 0.9, (4.0, 0.0, 0.0), seen_ns=1)], ids={1, 2}), 101.0)
    other = Candidate(2, 0.9, (0.0, 3.0, 0.0), seen_ns=2)
    assert update(going, GoalView([other], ids={1, 2}), 103.0) == GoalChange.NONE
    assert going.tracked.id == 1
    assert update(going, GoalView([other], ids={2}), 104.0) == GoalChange.FIRST
    assert going.tracked.id == 2


def test_an_id_is_not_replaced_by_another():
    going = task(which=2, object_id=1)
    assert update(going, seen(4.0, number=2), 101.0) == GoalChange.NONE
    update(going, seen(4.0), 101.1)
    assert update(going, seen(2.0, number=2, stamp=5), 103.0) == GoalChange.NONE
    assert going.tracked.id == 1


def test_after_a_clock_jump_older_stamps_count_as_new():
    going = task()
    update(going, seen(4.0, stamp=1000), 101.0)
    going.forget("the clock went back")
    assert (going.state, going.message) == (State.LOST, "the clock went back")
    assert update(going, seen(6.0, stamp=1), 103.0) == GoalChange.MOVED
    assert (going.state, going.goal_ns) == (State.SEEN, 1)


def test_after_a_clock_jump_ids_are_not_trusted():
    going = task()
    update(going, seen(4.0), 101.0)
    going.forget("the clock went back")
    both = [Candidate(1, 0.9, (9.0, 0.0, 0.0), seen_ns=1), Candidate(2, 0.9, (2.0, 0.0, 0.0), seen_ns=1)]
    update(going, GoalView(both, ids={1, 2}), 103.0)
    assert going.tracked.id == 2


def test_the_first_candidate_with_a_free_pose_is_taken_and_one_is_tried_for_each_image():
    tried = []

    def only_the_second(candidate, toward, stand_off_m):
        tried.append(candidate.id)
        return place(candidate, toward, stand_off_m) if candidate.id == 2 else occupied()

    both = GoalView([Candidate(1, 0.9, (4.0, 0.0, 0.0)), Candidate(2, 0.9, (0.0, 9.0, 0.0))], ids={1, 2})
    going = task()
    assert update(going, both, 101.0, where=only_the_second) == GoalChange.NONE
    assert (tried, going.is_ended) == ([1], False)
    assert update(going, both, 101.1, where=only_the_second) == GoalChange.FIRST
    assert (tried, going.tracked.id) == ([1, 2], 2)


def occupied(*_):
    raise NoFreePoseError("all is occupied")


def test_without_a_free_pose_the_task_fails():
    going = task()
    assert update(going, seen(4.0), 101.0, where=occupied) == GoalChange.NONE
    assert (going.state, going.is_ended, going.goal) == (State.NO_FREE_POSE, True, None)
    assert going.message == "'cup' is seen, but all is occupied"


def test_an_object_that_moves_where_no_pose_is_free_keeps_the_goal_before():
    going = task()
    update(going, seen(4.0), 101.0)
    assert update(going, seen(8.0, stamp=2), 103.0, where=occupied) == GoalChange.NONE
    assert (going.state, going.goal) == (State.SEEN, Pose(3.0, 0.0, 0.0))
    assert "the previous goal stands, because all is occupied" in going.message


def test_the_robots_pose_is_looked_up_only_when_an_object_is_seen():
    going = task()
    assert going.update(GoalView(), None, None, 101.0) == GoalChange.NONE


def test_a_task_keeps_its_first_end_state():
    going = task()
    going.end(State.CANCELLED, "enough")
    going.end(State.REACHED, "there")
    going.tick(ROBOT, 1e9)
    assert update(going, seen(4.0), 101.0) == GoalChange.NONE
    assert (going.state, going.message, going.goal) == (State.CANCELLED, "enough", None)
    assert math.isnan(going.unseen_s(102.0))


def test_the_values_are_those_of_the_messages():
    messages = pytest.importorskip("talk2dino_msgs.msg", reason="talk2dino_msgs is not built")
    assert {state.name: state.value for state in State} == {
        name: getattr(messages.GoToState, name) for name in (state.name for state in State)
    }


@pytest.mark.parametrize("keep_looking", [False, True])
def test_a_robot_that_never_arrives_fails_the_task(keep_looking):
    driving = task(keep_looking=keep_looking)
    update(driving, seen(3.0), 101.0)
    for now_s in (101.0 + SETTINGS.reach_timeout_s, 101.1 + SETTINGS.reach_timeout_s):
        update(driving, seen(3.0, stamp=int(now_s)), now_s)  # the object itself is in sight all the while
        driving.tick(ROBOT, now_s)
        assert driving.is_ended == (now_s > 101.0 + SETTINGS.reach_timeout_s)
    assert driving.state == State.FAILED
    assert "the robot has not reached the goal within 300 s" in driving.message
