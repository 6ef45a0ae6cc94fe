# SPDX-License-Identifier: Apache-2.0
"""Places of the memory that the robot does not get to: the next one follows, and at last all reasons are said."""

import pytest
from go_to_course import Course, occupied, place, recalled, seen

from talk2dino_ros.goal.stand_off import NoFreePoseError, Pose
from talk2dino_ros.goal.task.choice import Candidate, Recollection
from talk2dino_ros.goal.task.go_to_states import GoalChange, GoalView, State


def test_a_remembered_place_that_is_not_reached_is_left_for_the_next_one():
    course = Course()
    course.task.recall.take([recalled(4.0), recalled(0.0, 5.0, number=8, age_s=90.0)], "")
    course.step(101.0)
    assert course.step(161.0) == State.REMEMBERED
    assert course.step(161.1) == State.SEARCHING
    assert course.task.message.startswith(
        "'cup' may be at (4.00, 0.00), where it was last seen 61 min ago, but the robot has not reached the goal within"
    )
    assert course.step(161.2) == State.REMEMBERED
    assert (course.task.aim.id, course.changes) == (8, [GoalChange.FIRST, GoalChange.FIRST])
    robot = course.task.goal
    course.step(170.0, robot=robot)
    course.step(173.1, robot=robot)
    assert (course.step(173.2, robot=robot), course.task.is_ended) == (State.FAILED, True)
    assert course.task.message.startswith(
        "'cup': it is not at (0.00, 5.00), where it was last seen 3 min ago; at (4.00, 0.00), where it was last seen "
        "61 min ago, the robot did not get there: the robot has not reached the goal within 60 s"
    )


def test_a_place_that_the_planner_gives_up_is_left_and_at_last_all_reasons_are_said():
    course = Course()
    course.task.recall.take([recalled(4.0), recalled(0.0, 5.0, number=8, age_s=90.0)], "")
    course.step(101.0)
    assert course.task.is_driven
    course.task.give_up_goal("the planner has given up", 102.0)
    assert (course.task.state, course.task.is_driven) == (State.SEARCHING, False)
    assert course.step(102.1, robot=Pose(3.0, 0.0, 0.0)) == State.REMEMBERED  # at the goal that was left
    course.task.give_up_goal("a door is closed", 103.0)
    assert course.step(103.1) == State.FAILED
    assert course.task.message == (
        "'cup': at (4.00, 0.00), where it was last seen 60 min ago, the robot did not get there: the planner has given "
        "up; at (0.00, 5.00), where it was last seen 93 s ago, the robot did not get there: a door is closed"
    )


def test_an_object_that_is_seen_where_the_planner_gives_up_ends_the_go_to():
    course = Course()
    course.step(101.0, seen(4.0))
    course.task.give_up_goal("the planner has given up", 102.0)
    assert (course.task.is_ended, course.task.state) == (True, State.FAILED)
    assert course.task.message == "the planner has given up"


def test_while_a_place_is_left_an_object_in_sight_wins():
    course = Course()
    course.task.recall.take([recalled(4.0), recalled(0.0, 5.0, number=8)], "")
    course.step(101.0)
    course.task.give_up_goal("a door is closed", 102.0)
    assert course.step(102.1, seen(2.0)) == State.SEEN
    assert course.step(103.0, seen(2.0, stamp=1001), robot=Pose(1.0, 0.0, 0.0)) == State.REACHED


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_next_place_that_cannot_be_computed_is_not_waited_for_without_end(is_gone):
    def no_transform(*_):
        raise LookupError

    course = Course()
    robot = course.at_the_place([recalled(4.0), recalled(0.0, 5.0, number=8)])
    if is_gone:
        assert course.step(113.1, robot=robot) == State.GONE
    else:
        course.task.recall.leave_unreached("a door is closed", 113.1)
    with pytest.raises(LookupError):
        course.step(113.2, None, where=no_transform)
    course.task.set_failure_reason("TF is silent")
    course.task.tick(None, 173.0)
    assert not course.task.is_ended
    course.task.tick(None, 173.2)
    assert course.task.state == State.FAILED
    assert course.task.message == "no goal at the next place of 'cup' in 60 s: TF is silent"


def test_a_place_where_nobody_could_stand_was_not_looked_at_and_the_object_may_be_there():
    def only_the_first(candidate, toward, stand_off_m):
        return place(candidate, toward, stand_off_m) if candidate.id == 7 else occupied()

    course = Course()
    robot = course.at_the_place([recalled(4.0), recalled(0.0, 5.0, number=8, age_s=90.0)])
    assert course.step(113.1, robot=robot) == State.GONE
    assert course.step(113.2, robot=robot, where=only_the_first) == State.NO_FREE_POSE
    assert course.task.is_ended
    assert course.task.message == (
        "'cup': it is not at (4.00, 0.00), where it was last seen 60 min ago; it may still be at (0.00, 5.00), where "
        "it was last seen 103 s ago, but all is occupied"
    )


def test_once_no_object_in_sight_has_a_free_pose_the_go_to_fails_with_the_reason_of_the_best():
    def none_is_free(candidate, *_):
        raise NoFreePoseError(f"{candidate.id} is fenced")

    course = Course(Recollection.LIVE)
    both = GoalView([Candidate(1, 0.9, (4.0, 0.0, 0.0)), Candidate(2, 0.9, (0.0, 9.0, 0.0))], ids={1, 2})
    assert course.step(101.0, both, where=none_is_free) == State.SEARCHING
    assert course.step(101.1, both, where=none_is_free) == State.NO_FREE_POSE
    assert course.task.message == "'cup' is seen, but 1 is fenced"
