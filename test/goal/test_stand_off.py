# SPDX-License-Identifier: Apache-2.0
"""Stand-off poses by hand computation, and in random maps against a slow search over every cell."""

import itertools
import math

import numpy as np
import pytest

from talk2dino_ros.goal.grid import Grid, GridError, GridRules, sees
from talk2dino_ros.goal.stand_off import (
    FreeSpace,
    NoFreePoseError,
    Pose,
    angle_between,
    free_stand_off_pose,
    is_within,
    stand_off_pose,
)


def close(pose: Pose, x: float, y: float, yaw: float) -> bool:
    return (
        math.isclose(pose.x, x, abs_tol=1e-9)
        and math.isclose(pose.y, y, abs_tol=1e-9)
        and (angle_between(pose.yaw, yaw) < 1e-9)
    )


@pytest.mark.parametrize(
    ("robot", "expected"),
    [
        ((0.0, 0.0), (4.0, 0.0, 0.0)),  # the object is at (5, 0)
        ((9.0, 0.0), (6.0, 0.0, math.pi)),
        ((5.0, -3.0), (5.0, -1.0, math.pi / 2)),
        ((8.0, 4.0), (5.6, 0.8, math.atan2(-4, -3))),  # a triangle of 3, 4, 5
        ((4.9, 0.0), (4.0, 0.0, 0.0)),  # nearer than the distance: it has to step back
    ],
)
def test_the_pose_is_on_the_robots_side_at_the_distance_and_faces_the_object(robot, expected):
    assert close(stand_off_pose((5.0, 0.0), Pose(*robot, 1.0), 1.0), *expected)


def test_a_robot_at_the_object_gets_a_goal_behind_its_heading():
    assert close(stand_off_pose((1.0, 2.0), Pose(1.0, 2.0, math.pi / 2), 0.5), 1.0, 1.5, math.pi / 2)


def test_angles_are_compared_modulo_a_full_turn():
    assert angle_between(3.1, -3.1) == pytest.approx(math.tau - 6.2)
    assert angle_between(0.5, 0.2) == pytest.approx(0.3)
    assert angle_between(0.0, 5 * math.pi) == pytest.approx(math.pi)


@pytest.mark.parametrize(
    ("robot", "there"),
    [
        (Pose(1.2, 2.0, 0.0), True),
        (Pose(1.3, 2.0, 0.0), False),
        (Pose(1.0, 2.0, math.tau - 0.2), True),
        (Pose(1.0, 2.0, 0.3), False),
    ],
)
def test_reached_means_near_in_place_and_in_direction(robot, there):
    assert is_within(robot, Pose(1.0, 2.0, 0.0), 0.25, 0.25) is there


def room(columns=40, rows=40, resolution_m=0.1) -> np.ndarray:
    """4 m x 4 m of free floor."""
    return np.zeros((rows, columns), np.int8)


def space(values, *, radius_m=0.2, search_m=1.5, margin_m=0.0, **grid) -> FreeSpace:
    return FreeSpace(Grid(values, 0.1, **grid), GridRules(robot_radius_m=radius_m), search_m, margin_m)


ROBOT = Pose(0.45, 2.05, 0.0)
OBJECT = (3.05, 2.05)


def test_on_a_free_floor_the_pose_is_the_cell_of_the_stand_off_point():
    pose = free_stand_off_pose(OBJECT, 0.0, ROBOT, 1.0, space(room()))
    assert close(pose, 2.05, 2.05, 0.0)


def test_a_goal_inside_of_an_obstacle_moves_to_the_nearest_free_cell_with_sight():
    values = room()
    values[19:22, 18:24] = 100  # a box over the stand-off point, x 1.8..2.4, y 1.9..2.2
    pose = free_stand_off_pose(OBJECT, 0.0, ROBOT, 1.0, space(values, radius_m=0.0))
    # (2.05, 1.85) and (2.15, 1.85) are nearer to the wanted place, but their lines meet y = 1.9 at x = 2.3 and 2.375,
    # within the box; that of (2.25, 1.85) does at x = 2.45, past it
    assert close(pose, 2.25, 1.85, math.atan2(0.2, 0.8))


def test_a_wall_between_keeps_the_goal_on_the_objects_side():
    values = room()
    values[:, 20] = 100  # x 2.0..2.1 over the whole room: the robot is behind it
    pose = free_stand_off_pose(OBJECT, 0.0, ROBOT, 1.0, space(values, radius_m=0.2))
    # the nearest middle that keeps 0.2 m and half a cell's diagonal from x = 2.05: 2.05 + 0.2707 -> 2.35
    assert close(pose, 2.35, 2.05, 0.0)


def test_an_object_on_a_table_is_seen_over_its_edge():
    values = room()
    values[16:25, 28:35] = 100  # the table, x 2.8..3.5: its edge is 0.25 m from the object
    with pytest.raises(NoFreePoseError, match="none with a line of sight"):
        free_stand_off_pose(OBJECT, 0.0, ROBOT, 1.0, space(values))
    assert close(free_stand_off_pose(OBJECT, 0.0, ROBOT, 1.0, space(values, margin_m=0.3)), 2.05, 2.05, 0.0)
    assert close(free_stand_off_pose(OBJECT, 0.3, ROBOT, 1.0, space(values)), 2.05, 2.05, 0.0)  # a wide object


def test_the_robot_does_not_stand_on_an_object_that_the_map_lacks():
    values = room()
    values[:, :29] = 100  # free from x = 2.9 on: the object itself is at 3.05
    pose = free_stand_off_pose(OBJECT, 0.0, ROBOT, 0.4, space(values, radius_m=0.3, margin_m=0.0))
    assert math.dist(pose.point, OBJECT) >= 0.3


def test_a_fully_occupied_map_is_reported_in_one_sentence():
    with pytest.raises(NoFreePoseError) as error:
        free_stand_off_pose(OBJECT, 0.0, ROBOT, 1.0, space(np.full((40, 40), 100, np.int8)))
    assert str(error.value) == (
        "within 1.5 m of the wanted place (2.05, 2.05) the costmap has no free cell, expected one that is free for a "
        "radius of 0.2 m; clear or extend the map, change stand_off_m, or raise search_radius_m"
    )


def test_an_unknown_map_has_no_free_pose():
    with pytest.raises(NoFreePoseError, match="no free cell"):
        free_stand_off_pose(OBJECT, 0.0, ROBOT, 1.0, space(np.full((40, 40), -1, np.int8)))


def test_an_object_outside_the_map_is_reported():
    with pytest.raises(NoFreePoseError, match="which is outside of the map"):
        free_stand_off_pose(OBJECT, 0.0, ROBOT, 1.0, space(room(), x=50.0))


def slow_search(tracked, radius_m, toward, distance_m, space_):
    """Every cell of the map, the obstacles' circles by loops, the best by distance; sight is tested in test_grid."""
    grid, rules = space_.grid, space_.rules
    wanted = stand_off_pose(tracked, toward, distance_m).point
    rows, columns = grid.values.shape
    obstacles = [
        (c, r)
        for r in range(-9, rows + 9)
        for c in range(-9, columns + 9)
        if not (0 <= r < rows and 0 <= c < columns) or grid.values[r, c] >= rules.occupied_from or grid.values[r, c] < 0
    ]
    best = None
    for row in range(rows):
        for column in range(columns):
            gap = min(math.dist((column, row), cell) for cell in obstacles) - math.sqrt(0.5)
            point = tuple(grid.to_points([[column + 0.5, row + 0.5]])[0])
            distance = math.dist(point, wanted)
            allowed = gap * grid.resolution_m >= rules.robot_radius_m and distance <= space_.search_radius_m
            allowed = allowed and math.dist(point, tracked) >= min(distance_m, rules.robot_radius_m)
            if allowed and (best is None or distance < best) and sees(grid, [point], tracked, radius_m, rules)[0]:
                best = distance
    return wanted, best


@pytest.mark.parametrize("seed", range(25))
def test_the_pose_is_the_best_of_all_cells(seed):
    rng = np.random.default_rng(seed)
    values = rng.choice(np.array([0, 100, -1], np.int8), (14, 14), p=[0.8, 0.15, 0.05])
    grid = Grid(values, 0.25, *map(float, rng.uniform(-3, 3, 2)), float(rng.uniform(-3, 3)))
    tracked, robot = (tuple(map(float, grid.to_points([rng.uniform(0, 14, 2)])[0])) for _ in range(2))
    free = FreeSpace(grid, GridRules(robot_radius_m=0.1), 1.2, 0.0)
    toward = Pose(*robot, 0.0)
    wanted, best = slow_search(tracked, 0.2, toward, 0.8, free)
    if best is None:
        with pytest.raises(NoFreePoseError):
            free_stand_off_pose(tracked, 0.2, toward, 0.8, free)
        return
    pose = free_stand_off_pose(tracked, 0.2, toward, 0.8, free)
    assert math.dist(pose.point, wanted) == pytest.approx(best)
    assert angle_between(pose.yaw, math.atan2(tracked[1] - pose.y, tracked[0] - pose.x)) < 1e-9


EXTREMES = (-1e8, -1e5, 0.0, 1e-9, 1e5, 1e8)


@pytest.mark.parametrize("resolution_m", [0.001, 0.05, 100.0])
@pytest.mark.parametrize("stand_off_m", [0.05, 100.0])
def test_any_coordinates_give_a_pose_or_an_error_sentence(resolution_m, stand_off_m):
    grid = Grid(np.zeros((20, 30), np.int8), resolution_m, 1.0, 2.0, 0.3)
    space = FreeSpace(grid, GridRules(robot_radius_m=0.25), 20.0, 10.0)
    for x, y in itertools.product(EXTREMES, repeat=2):
        for toward in (Pose(0.0, 0.0, 0.0), Pose(x, y, 1.0), Pose(-y, x, 1e9)):
            try:
                pose = free_stand_off_pose((x, y), 0.1, toward, stand_off_m, space)
            except (NoFreePoseError, GridError):
                continue
            assert math.isfinite(pose.x + pose.y + pose.yaw)
