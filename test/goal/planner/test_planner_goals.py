# SPDX-License-Identifier: Apache-2.0
"""Which goals at the planner are ours, and what becomes of them: statuses as Nav2's bt_navigator publishes them."""

import pytest

from talk2dino_ros.goal.planner.planner_goals import TAKEN_WITHIN_S, GoalFate, PlannerGoals, Stage, TakenGoal

UNDER_WAY, DONE, GIVEN_UP, CANCELLED = Stage.UNDER_WAY, Stage.DONE, Stage.GIVEN_UP, Stage.CANCELLED


class Course:
    """A planner's statuses one after the other; goals are named by the second in which they were taken: s1, s2, s2b."""

    def __init__(self) -> None:
        self.goals = PlannerGoals()
        self.cancelled: list[str] = []
        self.is_there = True
        self.now_s = 100.0

    def send(self) -> None:
        self.goals.send(self.now_s, is_planner_there=self.is_there)

    def say(self, **goals: Stage) -> GoalFate:
        told = [TakenGoal(name.encode(), stage, int(name[1])) for name, stage in goals.items()]
        self.cancelled += [key.decode() for key in self.goals.take(told, self.now_s)]
        return self.fate

    def let_go(self, *, is_reached: bool = False) -> None:
        self.cancelled += sorted(key.decode() for key in self.goals.let_go(is_reached=is_reached))

    @property
    def fate(self) -> GoalFate:
        return self.goals.fate(self.now_s, is_planner_there=self.is_there)


@pytest.fixture
def course():
    return Course()


@pytest.mark.parametrize(
    ("stage", "fate"), [(DONE, GoalFate.DONE), (GIVEN_UP, GoalFate.GIVEN_UP), (CANCELLED, GoalFate.CANCELLED)]
)
def test_the_goal_that_was_sent_is_the_one_that_counts(course, stage, fate):
    assert course.fate == GoalFate.UNKNOWN
    course.say(s1=GIVEN_UP)
    course.send()
    assert course.say(s1=GIVEN_UP) == GoalFate.UNKNOWN
    assert course.say(s1=GIVEN_UP, s2=UNDER_WAY) == GoalFate.UNKNOWN
    assert course.say(s1=GIVEN_UP, s2=stage) == fate
    assert course.say() == fate  # statuses expire after a while
    course.send()
    assert course.fate == GoalFate.UNKNOWN


def test_a_goal_that_fails_before_it_was_told_of_is_known(course):
    """The topic keeps one message, so that a goal may be told of first as it ends."""
    course.say()
    course.send()
    assert course.say(s1=GIVEN_UP) == GoalFate.GIVEN_UP


def test_goals_of_before_the_first_word_are_none_of_ours(course):
    course.send()
    assert course.say(s1=GIVEN_UP, s2=CANCELLED) == GoalFate.UNKNOWN
    assert course.say(s1=GIVEN_UP, s2=CANCELLED, s3=GIVEN_UP) == GoalFate.GIVEN_UP


def test_a_goal_of_ours_replaces_the_one_before_in_silence(course):
    """Nav2 takes the new goal, and then aborts the one that it leaves."""
    course.say()
    course.send()
    course.say(s1=UNDER_WAY)
    course.send()
    assert course.say(s1=UNDER_WAY, s2=UNDER_WAY) == GoalFate.UNKNOWN
    assert course.say(s1=GIVEN_UP, s2=UNDER_WAY) == GoalFate.UNKNOWN
    assert course.say(s1=GIVEN_UP, s2=GIVEN_UP) == GoalFate.GIVEN_UP


@pytest.mark.parametrize("names", [("s1", "s2"), ("s1b", "s1")])  # in the same moment of a simulation, too
def test_two_goals_that_are_sent_before_the_planner_tells_of_any_are_both_ours(course, names):
    first, second = names
    course.say()
    course.send()
    course.send()
    assert course.say(**{first: UNDER_WAY}) == GoalFate.UNKNOWN
    assert course.say(**{first: GIVEN_UP, second: UNDER_WAY}) == GoalFate.UNKNOWN
    assert course.say(**{first: GIVEN_UP, second: CANCELLED}) == GoalFate.CANCELLED


def test_a_goal_of_another_client_replaces_ours(course):
    course.say()
    course.send()
    course.say(s1=UNDER_WAY)
    assert course.say(s1=UNDER_WAY, s2=UNDER_WAY) == GoalFate.UNKNOWN  # it may be refused yet
    assert course.say(s1=GIVEN_UP, s2=UNDER_WAY) == GoalFate.REPLACED
    assert course.say(s1=GIVEN_UP, s2=DONE) == GoalFate.REPLACED
    course.let_go()
    assert course.cancelled == []  # the other one's least of all


def test_a_goal_of_another_client_that_is_refused_changes_nothing(course):
    """As one with another behaviour tree, while ours is under way."""
    course.say()
    course.send()
    course.say(s1=UNDER_WAY)
    course.say(s1=UNDER_WAY, s2=UNDER_WAY)
    assert course.say(s1=UNDER_WAY, s2=GIVEN_UP) == GoalFate.UNKNOWN
    assert course.say(s1=GIVEN_UP, s2=GIVEN_UP) == GoalFate.GIVEN_UP
    assert course.say(s1=GIVEN_UP, s2=GIVEN_UP, s3=UNDER_WAY) == GoalFate.GIVEN_UP


def test_a_goal_of_another_client_after_ours_is_done_takes_the_robot_away(course):
    course.say()
    course.send()
    course.say(s1=UNDER_WAY)
    course.say(s1=DONE)
    assert course.say(s1=DONE, s2=UNDER_WAY) == GoalFate.REPLACED


def test_what_a_planner_does_not_take_in_time_is_told(course):
    course.say()
    course.send()
    course.now_s += TAKEN_WITHIN_S
    assert course.fate == GoalFate.UNKNOWN
    course.now_s += 0.1
    assert course.fate == GoalFate.NOT_TAKEN
    assert course.say(s1=UNDER_WAY) == GoalFate.UNKNOWN


def test_a_planner_that_ends_before_it_tells_of_the_goal_is_missed(course):
    course.say()
    course.send()
    course.is_there = False
    assert course.fate == GoalFate.VANISHED


def test_where_no_planner_was_when_the_goal_was_sent_none_is_missed(course):
    course.is_there = False
    course.send()
    course.now_s += 2 * TAKEN_WITHIN_S
    assert course.fate == GoalFate.UNKNOWN  # of what drives the robot nothing is known
    course.is_there = True
    assert course.fate == GoalFate.NOT_TAKEN


def test_a_goal_after_a_refused_one_is_followed_and_not_cancelled(course):
    course.say()
    course.send()
    course.let_go()
    course.now_s += 1.0
    course.send()
    course.say(s1=UNDER_WAY)
    assert course.say(s1=GIVEN_UP) == GoalFate.GIVEN_UP
    assert course.cancelled == []


def test_a_refused_goal_of_long_ago_says_nothing_of_the_next_one(course):
    course.say()
    course.send()
    course.let_go()
    course.now_s += 1.0
    course.send()
    course.say(s1=UNDER_WAY)
    assert course.say(s1=DONE) == GoalFate.DONE
    course.now_s += TAKEN_WITHIN_S + 1.0
    course.send()
    assert course.fate == GoalFate.UNKNOWN
    assert course.say(s1=DONE, s2=UNDER_WAY) == GoalFate.UNKNOWN
    assert course.say(s1=DONE, s2=GIVEN_UP) == GoalFate.GIVEN_UP
    assert course.cancelled == []


@pytest.mark.parametrize("is_told", [True, False])
def test_a_goal_under_way_vanishes_with_the_planner(course, is_told):
    course.say()
    course.send()
    course.say(s1=UNDER_WAY)
    if is_told:
        assert course.say(s2=UNDER_WAY) == GoalFate.VANISHED  # by another planner of that name
    else:
        course.is_there = False
        assert course.fate == GoalFate.VANISHED


def test_a_goal_that_has_ended_stays_so_when_the_planner_ends(course):
    course.say()
    course.send()
    course.say(s1=DONE)
    course.is_there = False
    assert course.fate == GoalFate.DONE


def test_letting_go_cancels_our_goals_once_and_no_others(course):
    course.say(s1=UNDER_WAY)
    course.send()
    course.say(s1=GIVEN_UP, s2=UNDER_WAY)
    course.send()
    course.say(s2=UNDER_WAY, s3=UNDER_WAY, s4=UNDER_WAY)
    course.let_go()
    assert course.cancelled == ["s2", "s3"]
    course.let_go()
    assert course.cancelled == ["s2", "s3"]
    assert course.fate == GoalFate.UNKNOWN


def test_a_goal_that_is_as_good_as_reached_is_not_cancelled(course):
    course.say()
    course.send()
    course.say(s1=UNDER_WAY)
    course.let_go(is_reached=True)
    course.let_go()
    assert course.cancelled == []


def test_a_goal_that_was_let_go_before_the_planner_took_it_is_cancelled_then(course):
    course.say()
    course.send()
    course.let_go()
    assert course.cancelled == []
    assert course.say(s1=UNDER_WAY) == GoalFate.UNKNOWN
    assert course.cancelled == ["s1"]
