# SPDX-License-Identifier: Apache-2.0
"""The planner says that the goal is reached, and the robot is elsewhere: it is sent the goal once more, and no more."""

from go_to_course import Course, recalled, seen

from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.goal.task.go_to_states import GoalChange, State
from talk2dino_ros.goal.task.go_to_task import SETTLING_S

SHORT = Pose(2.6, 0.3, 0.5)  # of the goal (3, 0), which faces along x: half a metre, and half a radian
OFF = (
    "the planner says that the goal is reached, but the robot stands 0.50 m and 0.50 rad off, expected within "
    "xy_tolerance_m (0.3) and yaw_tolerance_rad (0.3); raise these above the planner's tolerances"
)


def stop_short(course: Course, now_s: float) -> GoalChange:
    return course.task.stop_short(SHORT, now_s, int(now_s * 1e9))


def test_the_goal_is_sent_once_more_with_a_stamp_of_its_own():
    course = Course()
    course.step(101.0, seen(4.0))
    goal = course.task.goal
    assert stop_short(course, 110.0) == GoalChange.FIRST
    assert (course.task.goal, course.task.goal_ns, course.task.state) == (goal, 110 * 10**9, State.SEEN)
    assert stop_short(course, 120.0) == GoalChange.NONE


def test_a_pose_that_comes_late_may_still_be_the_goal_and_after_that_the_go_to_fails():
    course = Course()
    course.step(101.0, seen(4.0))
    stop_short(course, 105.0)
    for now_s in (110.0, 110.0 + SETTLING_S):
        assert stop_short(course, now_s) == GoalChange.NONE
        assert course.step(now_s, robot=SHORT) == State.SEEN
    stop_short(course, 110.1 + SETTLING_S)
    assert (course.task.state, course.task.message) == (State.FAILED, OFF)


def test_a_pose_that_comes_late_and_is_the_goal_is_reached():
    course = Course()
    course.step(101.0, seen(4.0))
    stop_short(course, 105.0)
    stop_short(course, 110.0)
    assert course.step(111.0, robot=Pose(2.8, 0.1, 0.2)) == State.REACHED


def test_a_remembered_place_before_which_the_robot_stops_short_is_left_for_the_next_one():
    course = Course()
    course.task.recall.take([recalled(4.0), recalled(0.0, 5.0, number=8)], "")
    course.step(101.0)
    for now_s in (105.0, 110.0, 112.1):
        stop_short(course, now_s)
    assert course.step(112.1) == State.REMEMBERED
    assert course.task.aim.id == 8
    assert stop_short(course, 113.0) == GoalChange.FIRST  # the next goal has its own chance
    course.task.give_up_goal("a door is closed", 114.0)
    assert course.step(114.0) == State.FAILED
    assert f"the robot did not get there: {OFF}; at (0.00, 5.00)" in course.task.message


def test_a_goal_that_has_moved_is_sent_once_more_each_time():
    course = Course(keep_looking=True)
    course.step(101.0, seen(4.0))
    assert stop_short(course, 101.5) == GoalChange.FIRST
    course.step(103.0, seen(4.0, 1.0, stamp=2000))
    assert course.changes[1:] == [GoalChange.MOVED]
    assert stop_short(course, 110.0) == GoalChange.FIRST
    assert stop_short(course, 110.1) == GoalChange.NONE
