# SPDX-License-Identifier: Apache-2.0
"""The controller and the search in a loop with the robot's own motion."""

import math

import numpy as np
import pytest

from benchmarks.nav.drive import Twist, moved
from benchmarks.nav.floor_plan import INSCRIBED, floor_plan, inflate, value_at
from benchmarks.nav.pursuit import ARRIVED_M, ARRIVED_RAD, Pursuit
from benchmarks.nav.room import furnish
from benchmarks.nav.route import plan_route
from benchmarks.nav.search import Search, Turn, next_viewpoint
from talk2dino_ros.goal.grid import Grid
from talk2dino_ros.goal.stand_off import Pose, angle_between

STEP_S = 0.05
ASPECTS = {"astronaut": 1.0, "chelsea": 1.5, "coffee": 1.5, "grace_hopper": 0.85, "rocket": 1.5}


def drive(task: Pursuit | Turn | Search, pose: Pose, steps: int) -> list[Pose]:
    """Let it drive until it is done, or for so many steps; return every pose."""
    poses = [pose]
    while not task.is_done and len(poses) <= steps:
        poses.append(moved(poses[-1], task.drive(poses[-1]).limited(), STEP_S))
    return poses


@pytest.mark.parametrize("start", [Pose(0, 0, 0.0), Pose(0, 0, math.pi), Pose(0.2, -0.3, 1.5)])
@pytest.mark.parametrize("yaw", [0.0, 3.0, -1.6])
def test_the_robot_arrives_and_looks_as_asked(start: Pose, yaw: float) -> None:
    route = [(0.05 * i, 0.0) for i in range(41)] + [(2.0, 0.05 * i) for i in range(31)]
    task = Pursuit(route, yaw)
    stop = drive(task, start, 1000)[-1]
    assert task.is_done
    assert math.dist(stop.point, (2.0, 1.5)) < ARRIVED_M
    assert angle_between(stop.yaw, yaw) < ARRIVED_RAD
    assert task.drive(stop) == Twist()


def test_the_robot_keeps_to_a_route_with_a_corner() -> None:
    route = [(0.05 * i, 0.0) for i in range(41)] + [(2.0, 0.05 * i) for i in range(31)]
    for pose in drive(Pursuit(route, 0.0), Pose(0, 0, 0), 1000):
        assert np.linalg.norm(np.asarray(route) - pose.point, axis=1).min() < 0.2


def test_a_robot_that_is_there_only_turns() -> None:
    poses = drive(Pursuit([(1.0, 1.0)], 2.0), Pose(1.0, 1.02, 0.0), 200)
    assert all(pose.point == (1.0, 1.02) for pose in poses)
    assert angle_between(poses[-1].yaw, 2.0) < ARRIVED_RAD


@pytest.mark.parametrize("seed", range(10))
def test_the_robot_drives_through_a_room_without_a_collision(seed: int) -> None:
    room = furnish(seed, ASPECTS)
    costmap = inflate(floor_plan(room))
    for board in room.boards:
        goal = board.before(1.0)
        task = Pursuit(plan_route(costmap, room.start.point, goal.point), goal.yaw)
        poses = drive(task, room.start, 2000)
        assert task.is_done
        assert all(value_at(costmap, *pose.point) < INSCRIBED for pose in poses)


def test_a_turn_covers_all_directions_and_ends() -> None:
    task = Turn()
    poses = drive(task, Pose(1.0, 2.0, 2.5), 1000)
    assert task.is_done
    yaws = np.sort([pose.yaw for pose in poses])
    assert np.diff(yaws).max() < 0.05
    assert {pose.point for pose in poses} == {(1.0, 2.0)}
    assert len(poses) * STEP_S < 12


def test_the_next_viewpoint_shows_what_no_other_did() -> None:
    values = np.zeros((4, 40), np.int8)  # a corridor 2 m wide and 20 m long
    costmap = Grid(values, 0.5)
    x, _ = next_viewpoint(costmap, (0.25, 1.0), [(0.25, 1.0)])
    # from 5.25 m on all that is near is new, and what is farther is a longer way for the same
    assert x == pytest.approx(5.25, abs=0.6)
    everywhere = [(0.25 + 2.0 * i, 1.0) for i in range(11)]
    assert next_viewpoint(costmap, (0.25, 1.0), everywhere) is None
    del everywhere[7]  # at 14.25 m, so that 14 to 14.5 m is new
    assert next_viewpoint(costmap, (0.25, 1.0), everywhere) is None  # 2 m apart is near enough
    del everywhere[6:9]  # 12.25 to 16.25 m
    x, _ = next_viewpoint(costmap, (0.25, 1.0), everywhere)
    assert 11.5 < x < 16.5


def test_a_viewpoint_is_not_in_the_slope_before_an_obstacle() -> None:
    values = np.zeros((4, 40), np.int8)
    values[:, 8:16] = 50
    x, _ = next_viewpoint(Grid(values, 0.5), (0.25, 1.0), [(0.25, 1.0)])
    assert not 4.0 < x < 8.0


@pytest.mark.parametrize("seed", range(5))
def test_a_search_has_looked_from_near_everywhere_after_a_while(seed: int) -> None:
    room = furnish(seed, ASPECTS)
    costmap = inflate(floor_plan(room))
    poses = drive(Search(costmap), room.start, round(150 / STEP_S))
    assert all(value_at(costmap, *pose.point) < INSCRIBED for pose in poses)
    path = np.array([pose.point for pose in poses])
    assert all(np.linalg.norm(path - board.pose.point, axis=1).min() < 2.7 for board in room.boards)


def test_a_search_that_cannot_leave_turns_on() -> None:
    values = np.zeros((3, 9), np.int8)
    values[:, 4] = 100
    poses = drive(Search(Grid(values, 1.0)), Pose(1.5, 1.5, 0.0), 2000)
    assert max(pose.x for pose in poses) < 4.0
    assert poses[-1].yaw != poses[-20].yaw


@pytest.mark.parametrize("aside", [-0.5, -0.1, 0.3, 0.55])
def test_the_arc_that_is_driven_leads_through_the_point_ahead(aside: float) -> None:
    ahead = 0.5
    point = ahead * math.cos(aside), ahead * math.sin(aside)
    twist = Pursuit([point], 0.0).drive(Pose(0.0, 0.0, 0.0))
    arc = ahead * aside / math.sin(aside)  # of a circle that touches the robot's direction
    assert moved(Pose(0.0, 0.0, 0.0), twist, arc / twist.forwards).point == pytest.approx(point)


def test_the_last_turn_goes_the_short_way() -> None:
    assert Pursuit([(0.0, 0.0)], 3.0).drive(Pose(0.0, 0.0, -3.0)).turning < 0
    assert Pursuit([(0.0, 0.0)], -3.0).drive(Pose(0.0, 0.0, 3.0)).turning > 0
