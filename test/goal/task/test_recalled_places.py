# SPDX-License-Identifier: Apache-2.0
"""A go-to task over the memory's places, by a clock of the test's own: remembered, verified, seen again, gone."""

import math

import pytest
from go_to_course import HOUR_S, NOTHING, Course, occupied, place, recalled, seen

from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.goal.task.choice import Candidate, Recollection
from talk2dino_ros.goal.task.go_to_states import GoalChange, GoalView, State


def test_a_remembered_place_is_gone_to_once_nothing_was_confirmed_for_live_first_s():
    course = Course()
    course.task.recall.take([recalled(4.0)], "")
    assert course.step(100.9) == State.SEARCHING
    assert course.step(101.0) == State.REMEMBERED
    assert (course.task.goal, course.task.goal_ns) == (Pose(3.0, 0.0, 0.0), 101 * 10**9)
    assert course.changes == [GoalChange.FIRST]
    assert course.task.message == "'cup' is remembered at (4.00, 0.00), where it was last seen 60 min ago"
    assert course.task.aim.id == 7
    assert course.task.unseen_s(102.5) == pytest.approx(HOUR_S + 2.5)


def test_a_memory_that_answers_late_is_used_as_long_as_the_search_lasts():
    course = Course()
    assert course.step(104.0) == State.SEARCHING
    course.task.recall.take([recalled(4.0)], "")
    assert course.step(104.1) == State.REMEMBERED
    assert course.step(106.0) == State.REMEMBERED  # timeout_s was for finding it


def test_only_does_not_wait_for_what_is_in_sight_and_makes_no_goal_before_the_answer():
    course = Course(Recollection.ONLY)
    assert course.step(100.1, seen(2.0)) == State.SEARCHING
    course.task.recall.take([recalled(4.0)], "")
    assert course.step(100.2) == State.REMEMBERED


def test_live_asks_no_memory():
    assert not Course(Recollection.LIVE).task.recall.is_pending
    assert not Course(Recollection.ALSO, which=2, object_id=3).task.recall.is_pending
    assert Course(Recollection.ALSO).task.recall.is_pending


@pytest.mark.parametrize("memory", [Recollection.ALSO, Recollection.ONLY])
def test_an_object_seen_on_the_way_wins(memory):
    course = Course(memory)
    course.task.recall.take([recalled(4.0)], "")
    course.step(101.0)
    assert course.step(102.0, seen(0.0, 3.0)) == State.SEEN
    assert course.task.goal.point == pytest.approx((0.0, 2.0))
    assert course.changes == [GoalChange.FIRST, GoalChange.FIRST]  # another object, another goal
    assert course.task.message == "'cup' is seen (object 1), not where it was remembered"
    assert course.step(103.0, robot=course.task.goal) == State.REACHED


def test_a_doubtful_object_wins_only_where_it_was_remembered():
    course = Course()
    course.task.recall.take([recalled(4.0)], "")
    course.step(101.0)
    elsewhere = GoalView([Candidate(2, 0.55, (0.0, 5.0, 0.0), seen_ns=1000)], ids={2})
    assert course.step(102.0, elsewhere) == State.REMEMBERED
    there = GoalView([Candidate(3, 0.55, (4.2, 0.0, 0.0), seen_ns=2000)], ids={3})
    assert course.step(103.0, there) == State.SEEN
    assert course.task.message == "'cup' is seen (object 3), where it was remembered"


def test_an_object_seen_before_live_first_s_wins_and_no_place_follows():
    course = Course()
    course.task.recall.take([recalled(4.0)], "")
    assert course.step(100.5, seen(0.0, 3.0)) == State.SEEN
    assert course.step(102.0, seen(0.0, 3.0, stamp=1001)) == State.SEEN
    assert course.changes == [GoalChange.FIRST]
    assert course.task.message == "'cup' is seen (object 1)"


def test_of_two_objects_the_one_where_it_was_remembered_comes_first():
    course = Course()
    course.task.recall.take([recalled(4.0)], "")
    course.step(101.0)
    both = GoalView([*seen(1.5).candidates, *seen(4.4, number=2).candidates], ids={1, 2})
    course.step(102.0, both)
    assert course.task.tracked.id == 2
    assert course.task.message == "'cup' is seen (object 2), where it was remembered"


def test_seen_again_at_its_place_the_go_to_succeeds():
    course = Course()
    robot = course.at_the_place()
    assert course.task.message == "looking whether 'cup' is still at (4.00, 0.00), where it was last seen 60 min ago"
    assert course.step(112.0, seen(4.1), robot) == State.REACHED  # within goal_tolerance_m: no new goal
    assert course.task.message == "the robot stands in front of 'cup', where it was remembered"
    assert course.changes == [GoalChange.FIRST]
    assert not course.task.aim.is_remembered


@pytest.mark.parametrize(("x", "words"), [(4.5, "where it was"), (4.51, "not where it was")])
def test_seen_again_beside_its_place_the_robot_goes_there(x, words):
    course = Course()
    robot = course.at_the_place()
    assert course.step(112.0, seen(x), robot) == State.SEEN
    assert course.changes == [GoalChange.FIRST, GoalChange.FIRST]
    assert course.task.goal.point == pytest.approx((x - 1.0, 0.0))
    assert f"(object 1), {words} remembered" in course.task.message


def test_seen_again_on_the_way_it_is_gone_to_from_the_side_of_the_goal_before():
    course = Course()
    course.task.recall.take([recalled(4.0)], "")
    course.step(101.0)
    beside = Pose(4.0, 3.0, 0.0)  # where the robot has to drive around an obstacle
    assert course.step(105.0, seen(4.3), beside) == State.SEEN
    assert course.task.goal.point == pytest.approx((3.3, 0.0))


def test_a_go_to_shorter_than_live_first_s_uses_the_memory_at_its_end():
    course = Course(timeout_s=0.5)
    course.task.recall.take([recalled(4.0)], "")
    assert course.step(100.4) == State.SEARCHING
    assert course.step(100.51) == State.REMEMBERED


def test_an_object_that_is_only_remembered_is_not_lost():
    course = Course(keep_looking=True)
    course.task.recall.take([recalled(4.0)], "")
    course.step(101.0)
    assert course.step(150.0) == State.REMEMBERED


def test_seen_again_where_no_pose_is_free_the_goal_before_is_good_enough():
    course = Course()
    robot = course.at_the_place()
    assert course.step(112.0, seen(4.3), robot, occupied) == State.REACHED
    assert course.changes == [GoalChange.FIRST]


def test_an_object_seen_elsewhere_without_a_free_pose_leaves_the_robot_on_its_way():
    course = Course()
    course.task.recall.take([recalled(4.0)], "")
    course.step(101.0)
    assert course.step(102.0, seen(0.0, 9.0), where=occupied) == State.REMEMBERED
    assert not course.task.is_ended


def test_not_seen_it_is_gone_the_next_place_follows_and_at_last_it_is_not_there_any_more():
    course = Course()
    robot = course.at_the_place([recalled(4.0), recalled(0.0, 5.0, number=8, age_s=90.0)])
    assert course.step(113.0, robot=robot) == State.VERIFYING
    assert course.step(113.1, robot=robot) == State.GONE
    assert course.task.message == "'cup' is not at (4.00, 0.00), where it was last seen 60 min ago"
    assert course.step(113.2, robot=robot) == State.REMEMBERED
    assert course.changes == [GoalChange.FIRST, GoalChange.FIRST]
    assert course.task.aim.id == 8
    assert math.dist(course.task.goal.point, (0.0, 5.0)) == pytest.approx(1.0)
    there = course.task.goal
    course.step(120.0, robot=there)
    course.step(123.1, robot=there)
    assert (course.step(123.2, robot=there), course.task.is_ended) == (State.NOT_THERE_ANY_MORE, True)
    assert course.task.message == (
        "'cup': it is not at (4.00, 0.00), where it was last seen 60 min ago, "
        "nor at (0.00, 5.00), where it was last seen 113 s ago"
    )
    assert course.task.aim.id == 8


def test_without_objects_nobody_knows_whether_it_is_gone():
    course = Course()
    robot = course.at_the_place()
    assert course.step(113.1, None, robot) == State.FAILED
    assert "is not known: no message on the topic of the objects" in course.task.message


def test_an_object_without_a_position_is_not_gone():
    course = Course()
    robot = course.at_the_place()
    course.step(112.0, GoalView(ids={1}, placeless=1), robot)
    assert course.step(113.1, None, robot) == State.FAILED
    assert "without a position; give the segmenter depth" in course.task.message


def test_an_object_that_could_not_be_placed_is_not_gone():
    course = Course()
    robot = course.at_the_place()
    course.step(112.0, NOTHING, robot)
    course.task.set_failure_reason("TF is silent")
    assert course.step(113.1, None, robot) == State.FAILED
    assert course.task.message.endswith("is not known: TF is silent")


def test_the_first_place_with_a_free_pose_is_taken():
    tried = []

    def only_the_third(candidate, toward, stand_off_m):
        tried.append(candidate.id)
        return place(candidate, toward, stand_off_m) if candidate.id == 9 else occupied()

    course = Course()
    course.task.recall.take([recalled(4.0), recalled(0.0, 5.0, number=8), recalled(0.0, 7.0, number=9)], "")
    assert course.step(101.0, where=only_the_third) == State.SEARCHING
    assert tried == [7]  # one in each round: the search of a crowded place takes seconds, and nothing is served in it
    course.step(101.1, where=only_the_third)
    course.step(101.2, where=only_the_third)
    assert tried == [7, 8, 9]
    assert (course.task.state, course.task.aim.id) == (State.REMEMBERED, 9)


@pytest.mark.parametrize(
    ("memory", "state"), [(Recollection.ONLY, State.NO_FREE_POSE), (Recollection.ALSO, State.SEARCHING)]
)
def test_no_free_pose_at_any_place_ends_only_what_asked_for_nothing_else(memory, state):
    course = Course(memory)
    course.task.recall.take([recalled(4.0)], "")
    assert course.step(101.0, where=occupied) == state
    assert "remembered at (4.00, 0.00), where it was last seen 60 min ago, but all is occupied" in course.task.message


def test_a_failed_goal_leaves_the_place_for_the_next_round():
    def no_costmap(*_):
        raise LookupError

    course = Course()
    course.task.recall.take([recalled(4.0)], "")
    with pytest.raises(LookupError):
        course.step(101.0, where=no_costmap)
    assert course.step(101.1) == State.REMEMBERED


def test_a_memory_that_is_not_there_is_told_of_only_where_nothing_is_found():
    course = Course()
    course.task.recall.fail("no memory is asked", is_news=False)
    assert course.task.message == "looking for 'cup'"
    assert course.step(105.1) == State.NEVER_SEEN
    assert course.task.message.endswith("; and no memory is asked")
    course = Course(Recollection.ONLY)
    course.task.recall.fail("no memory is asked", is_news=False)
    assert (course.task.state, course.task.is_ended) == (State.FAILED, True)


@pytest.mark.parametrize("answer", ["nothing", "refused"])
def test_also_goes_on_live_and_says_why_it_has_no_place(answer):
    course = Course()
    if answer == "nothing":
        course.task.recall.take([], "'cup' was not found in 12 m2")
    else:
        course.task.recall.fail("'cup' was not found in 12 m2")
    assert course.task.message == "looking for 'cup'; 'cup' was not found in 12 m2"
    assert course.step(105.1) == State.NEVER_SEEN
    assert course.task.message.endswith("raise timeout_s; and 'cup' was not found in 12 m2")


def test_only_ends_with_the_memorys_sentence():
    course = Course(Recollection.ONLY)
    course.task.recall.take([], "'cup' was not found in 12 m2")
    assert (course.task.state, course.task.is_ended) == (State.NEVER_SEEN, True)
    assert course.task.message == "no goal for 'cup' from the memory alone: 'cup' was not found in 12 m2"
    course = Course(Recollection.ONLY)
    course.task.recall.fail("start the node memory")
    assert (course.task.state, course.task.message.split(": ")[1]) == (State.FAILED, "start the node memory")


def test_a_memory_that_has_not_answered_in_time_is_named():
    course = Course(Recollection.ONLY)
    course.step(105.1)
    assert course.task.is_ended
    assert course.task.message.endswith("; and the memory has not answered")
