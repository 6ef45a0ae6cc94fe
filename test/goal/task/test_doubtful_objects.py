# SPDX-License-Identifier: Apache-2.0
"""What is confirmed and could as well be something else: no robot is sent to it, unless it was asked for by its id."""

from go_to_course import Course, seen

from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.goal.task.choice import Candidate, Recollection, Which
from talk2dino_ros.goal.task.go_to_states import GoalChange, GoalView, State


def doubted(confidence: float, *, number: int = 1, stamp: int = 1) -> GoalView:
    return GoalView([Candidate(number, confidence, (4.0, 0.0, 0.0), seen_ns=stamp)], ids={number})


def test_no_robot_is_sent_to_what_is_confirmed_but_doubtful():
    course = Course(Recollection.LIVE)
    course.step(101.0, doubted(0.59))
    assert (course.step(105.1, None), course.changes) == (State.NEVER_SEEN, [])
    assert course.task.message == (
        "no goal for 'cup' in 5 s: 1 seen, with a confidence of 0.59 at most, below min_confidence; turn the robot, "
        "use another word, or raise timeout_s"
    )
    going = Course(Recollection.LIVE, keep_looking=True)
    going.step(101.0, doubted(0.59))
    going.step(102.0, doubted(0.61))
    assert going.changes == [GoalChange.FIRST]
    going.step(103.0, doubted(0.4, stamp=2))
    assert (going.task.state, going.task.tracked.confidence) == (State.SEEN, 0.4)  # it is followed nevertheless
    named = Course(Recollection.LIVE, which=Which.BY_ID, object_id=1)
    assert named.step(101.0, doubted(0.1)) == State.SEEN


def test_of_several_the_nearest_of_the_sure_ones_is_gone_to():
    both = GoalView([Candidate(1, 0.55, (2.0, 0.0, 0.0)), Candidate(2, 0.9, (0.0, 9.0, 0.0))], ids={1, 2})
    course = Course(Recollection.LIVE)
    assert course.step(101.0, both) == State.SEEN
    assert course.task.tracked.id == 2


def test_a_lost_object_is_not_replaced_by_a_doubtful_one():
    course = Course(Recollection.LIVE, keep_looking=True)
    course.step(101.0, seen(4.0))
    course.step(102.0, doubted(0.55, number=2))
    assert (course.task.tracked.id, course.task.goal) == (1, Pose(3.0, 0.0, 0.0))
