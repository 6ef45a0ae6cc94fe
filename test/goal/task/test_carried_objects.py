# SPDX-License-Identifier: Apache-2.0
"""A go-to task whose object is carried elsewhere: the tracker gives it a new id there, and keeps the old one lost."""

import pytest

from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.stand_off import NoFreePoseError, Pose, stand_off_pose
from talk2dino_ros.goal.task.choice import Candidate, GoToRequest, Which
from talk2dino_ros.goal.task.go_to_states import GoalChange, GoalView, State
from talk2dino_ros.goal.task.go_to_task import GoToTask

SETTINGS = GoalParameters(lost_timeout_s=2.0, give_up_s=10.0, goal_update_rate_hz=1.0)
ROBOT = Pose(0.0, 0.0, 0.0)
HERE, THERE = (4.0, 0.0, 0.0), (0.0, 5.0, 0.0)


def cup(number, position, stamp, confidence=0.9):
    return Candidate(number, confidence, position, seen_ns=stamp)


def going_to_the_first(beside=(), **changes):
    """A go-to task to the cup 1, seen at 101 s with others beside it, for which it stands at (3, 0)."""
    fields = {"words": "cup", "which": 0, "object_id": 0, "stand_off_m": 1.0, "timeout_s": 5.0, "keep_looking": True}
    task = GoToTask(GoToRequest(**(fields | changes)), SETTINGS)
    task.start_searching(100.0)
    view = GoalView([cup(1, HERE, 1), *beside], ids={1, *(each.id for each in beside)})
    assert step(task, view, 101.0) == GoalChange.FIRST
    assert (task.goal, task.tracked.id) == (Pose(3.0, 0.0, 0.0), 1)
    return task


def step(task, view, now_s, place=lambda cup, toward, stand_off_m: stand_off_pose(cup.point, toward, stand_off_m)):
    change = task.update(view, lambda: ROBOT, place, now_s)
    task.tick(ROBOT, now_s)
    return change


# the cup 1 is lost to the tracker, which keeps its id; or it is confirmed still, by few images of a slow model
@pytest.mark.parametrize("old", [(), (cup(1, HERE, 1),)], ids=["lost", "not yet"])
def test_a_cup_that_was_carried_is_gone_to_where_it_is_once_it_is_lost(old):
    task = going_to_the_first()
    view = GoalView([*old, cup(7, THERE, 2)], ids={1, 7})
    assert step(task, view, 103.0) == GoalChange.NONE  # unseen for 2.0 s, not more
    assert task.state == State.SEEN
    assert step(task, GoalView([*old, cup(7, THERE, 3)], ids={1, 7}), 103.5) == GoalChange.FIRST
    assert (task.goal.x, task.goal.y, task.goal_ns) == (pytest.approx(0.0), pytest.approx(4.0), 3)
    assert task.state == State.SEEN
    step(task, GoalView([cup(7, THERE, 4)], ids={1, 7}), 150.0)
    assert not task.is_ended
    assert task.message == "'cup' is seen (object 7), instead of object 1, which had not been seen for 2.5 s"


def test_a_cup_that_stood_beside_it_is_waited_with_until_the_first_would_soon_be_given_up():
    """Unseen since 101 s, given up at 111 s: from 109 s on the other is gone to."""
    task = going_to_the_first([cup(2, THERE, 1)])
    beside = GoalView([cup(2, THERE, 2)], ids={1, 2})
    assert step(task, beside, 109.0) == GoalChange.NONE
    assert (task.state, task.tracked.id) == (State.LOST, 1)
    assert step(task, beside, 109.1) == GoalChange.FIRST
    assert (task.state, task.tracked.id) == (State.SEEN, 2)


def test_what_comes_into_sight_while_the_first_is_seen_is_another():
    task = going_to_the_first()
    step(task, GoalView([cup(1, HERE, 2), cup(7, THERE, 2)], ids={1, 7}), 101.5)
    assert step(task, GoalView([cup(7, THERE, 3)], ids={1, 7}), 104.0) == GoalChange.NONE
    assert task.state == State.LOST
    assert step(task, GoalView([cup(1, HERE, 4), cup(7, THERE, 4)], ids={1, 7}), 105.0) == GoalChange.NONE
    assert (task.state, task.tracked.id) == (State.SEEN, 1)


def test_an_id_that_was_asked_for_and_a_first_goal_that_is_to_stand_are_kept():
    by_id = going_to_the_first(which=Which.BY_ID, object_id=1)
    standing = going_to_the_first(keep_looking=False)
    for task in (by_id, standing):
        assert step(task, GoalView([cup(7, THERE, 2)], ids={1, 7}), 104.0) == GoalChange.NONE
        assert (task.tracked.id, task.goal) == (1, Pose(3.0, 0.0, 0.0))
    assert step(standing, GoalView([cup(1, HERE, 3)], ids={1, 7}), 105.0) == GoalChange.NONE
    step(standing, GoalView([cup(7, THERE, 4)], ids={1, 7}), 120.0)
    standing.tick(standing.goal, 125.0)
    assert standing.state == State.REACHED
    assert standing.message == "the robot stands in front of 'cup', which has not been seen for 20.0 s"
    step(by_id, GoalView([cup(7, THERE, 3)], ids={1, 7}), 111.1)
    assert (by_id.state, by_id.is_ended) == (State.LOST, True)


def test_where_nobody_could_stand_and_what_is_doubtful_is_not_turned_to():
    def occupied(*_):
        raise NoFreePoseError("all around it is occupied")

    task = going_to_the_first()
    assert step(task, GoalView([cup(7, THERE, 2, confidence=0.1)], ids={1, 7}), 104.0) == GoalChange.NONE
    assert step(task, GoalView([cup(7, THERE, 3)], ids={1, 7}), 105.0, occupied) == GoalChange.NONE
    assert (task.state, task.goal) == (State.LOST, Pose(3.0, 0.0, 0.0))
    assert task.message == (
        "'cup' has not been seen for 4.0 s (object 7 is seen, but all around it is occupied), and the last goal stands"
    )


@pytest.mark.parametrize(
    ("keep_looking", "now_s", "also"),
    [(True, 103.0, ""), (True, 104.0, "; 'cup' has not been seen for 3.0 s"), (False, 104.0, "")],
)
def test_a_goal_that_is_given_up_says_for_how_long_what_it_follows_has_not_been_seen(keep_looking, now_s, also):
    task = going_to_the_first(keep_looking=keep_looking)
    task.give_up_goal("the robot has not arrived in 60 s; raise reach_timeout_s", now_s)
    assert (task.state, task.is_ended) == (State.FAILED, True)
    assert task.message == f"the robot has not arrived in 60 s; raise reach_timeout_s{also}"
