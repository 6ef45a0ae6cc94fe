# SPDX-License-Identifier: Apache-2.0
"""Compute stand-off poses: facing an object at a distance, on free cells, with the object in sight.

All in the plane z = 0 of one frame, metres and radians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.goal.grid import MOST_CELLS, Grid, GridRules, sees, standing_points
from talk2dino_ros.ros.tf.transforms import Transform

Point = tuple[float, float]
AT_ONCE = 256  # lines of sight that are followed together; the nearest of them is mostly free
MOST_CROSSED = 20_000_000  # cells on all lines of one search: some seconds, in which nothing else is answered
TINY_M = 1e-6


class NoFreePoseError(Talk2DinoError):
    """No free pose with a line of sight to the object within the search radius."""


@dataclass(frozen=True)
class Pose:
    """A pose in the plane; yaw is counted from x towards y."""

    x: float
    y: float
    yaw: float

    @property
    def point(self) -> Point:
        return self.x, self.y


@dataclass(frozen=True)
class FreeSpace:
    """Occupancy grid with its rules and the search radius.

    search_radius_m: from the wanted place. sight_margin_m: what is so near to an object hides nothing.
    """

    grid: Grid
    rules: GridRules
    search_radius_m: float
    sight_margin_m: float


def facing(point: Point, tracked: Point) -> Pose:
    """Return the pose at a point that faces the object; along x where they coincide."""
    return Pose(*point, math.atan2(tracked[1] - point[1], tracked[0] - point[0]))


def moved_pose(pose: Pose, transform: Transform) -> Pose:
    """Return the same pose in another frame whose plane is the same."""
    x, y, _ = transform.apply(np.array([pose.x, pose.y, 0.0]))
    return Pose(float(x), float(y), math.remainder(pose.yaw + transform.yaw, math.tau))


def stand_off_pose(tracked: Point, toward: Pose, distance_m: float) -> Pose:
    """Return the pose at a distance from the object, on the side of `toward`, that faces the object.

    Where `toward` is at the object itself its yaw decides: the pose is behind it.
    """
    x, y = toward.x - tracked[0], toward.y - tracked[1]
    length = math.hypot(x, y)
    if length < TINY_M:
        x, y, length = -math.cos(toward.yaw), -math.sin(toward.yaw), 1.0
    point = tracked[0] + x / length * distance_m, tracked[1] + y / length * distance_m
    return facing(point, tracked)


def free_stand_off_pose(
    tracked: Point, object_radius_m: float, toward: Pose, distance_m: float, space: FreeSpace
) -> Pose:
    """Return the pose nearest to `stand_off_pose` where the robot may stand with the object in sight.

    Raises NoFreePoseError where the map has none within the search radius, GridError where that is too many cells.
    All coordinates are those of the map.
    """
    wanted = stand_off_pose(tracked, toward, distance_m).point
    points = standing_points(space.grid, wanted, space.search_radius_m, space.rules)
    least_m = min(distance_m, space.rules.robot_radius_m)  # an object that the map lacks is no place to stand either
    points = points[np.linalg.norm(points - tracked, axis=1) >= least_m]
    hidden_m = object_radius_m + space.sight_margin_m
    crossed = 1 + 2 * (distance_m + space.search_radius_m) / space.grid.resolution_m  # by a line, at most
    points = points[: math.ceil(MOST_CROSSED / crossed)]
    at_once = math.ceil(min(AT_ONCE, MOST_CELLS / crossed))
    for start in range(0, len(points), at_once):
        some = points[start : start + at_once]
        in_sight = np.flatnonzero(sees(space.grid, some, tracked, hidden_m, space.rules))
        if in_sight.size:
            x, y = some[in_sight[0]]
            return facing((float(x), float(y)), tracked)
    raise NoFreePoseError(_why_none(wanted, len(points), space))


def _why_none(wanted: Point, standing: int, space: FreeSpace) -> str:
    cells = counted(standing, "free cell")
    found = f"{cells}, none with a line of sight to the object" if standing else "no free cell"
    inside = bool(space.grid.is_inside(np.floor(space.grid.to_cells(wanted)).astype(np.int64)))
    where = "" if inside else ", which is outside of the map,"
    return (
        f"within {space.search_radius_m:g} m of the wanted place ({wanted[0]:.2f}, {wanted[1]:.2f}){where} the costmap "
        f"has {found}, expected one that is free for a radius of {space.rules.robot_radius_m:g} m; clear or extend the "
        "map, change stand_off_m, or raise search_radius_m"
    )


def angle_between(one: float, other: float) -> float:
    """Return the smallest turn between two yaws, 0..pi."""
    return abs(math.remainder(one - other, math.tau))


def distance_between(one: Pose, other: Pose) -> float:
    """Return the metres between two poses."""
    return math.hypot(one.x - other.x, one.y - other.y)


def is_within(robot: Pose, goal: Pose, xy_tolerance_m: float, yaw_tolerance: float) -> bool:
    """Whether the robot is at the goal, within the tolerances of position and yaw."""
    is_there = distance_between(robot, goal) <= xy_tolerance_m
    return is_there and angle_between(robot.yaw, goal.yaw) <= yaw_tolerance
