# SPDX-License-Identifier: Apache-2.0
"""Search behaviour of the demo's robot: turn on the spot, drive to where it has not been, turn again."""

from __future__ import annotations

import math

import cv2
import numpy as np

from benchmarks.nav.drive import Twist
from benchmarks.nav.floor_plan import LETHAL
from benchmarks.nav.pursuit import Pursuit
from benchmarks.nav.route import Point, RouteError, free_cells, plan_route
from talk2dino_ros.goal.grid import Grid
from talk2dino_ros.goal.stand_off import Pose

TURN_RAD_S = 0.6  # slow enough for several images of each object
SIGHT_M = 2.5  # what is farther counts as not seen
TURN_WORTH_M = 4.0  # a turn takes as long as driving so far
LEAST_GAIN_M2 = 0.2  # of new floor, worth a way


class Turn:
    """One full turn on the spot, by the yaws that the robot is seen at."""

    def __init__(self) -> None:
        self._turned = 0.0
        self._yaw: float | None = None
        self.is_done = False

    def drive(self, robot: Pose) -> Twist:
        """Return how to drive on; zero when done."""
        if self._yaw is not None:
            self._turned += math.remainder(robot.yaw - self._yaw, math.tau)
        self._yaw = robot.yaw
        self.is_done = self._turned >= math.tau
        return Twist() if self.is_done else Twist(0.0, TURN_RAD_S)


class Search:
    """Turn, drive on, turn again, without end: the goal node ends it."""

    is_done = False

    def __init__(self, costmap: Grid) -> None:
        self._costmap = costmap
        self._seen_from: list[Point] = []
        self._part: Turn | Pursuit = Turn()

    def drive(self, robot: Pose) -> Twist:
        """Return how to drive on."""
        if self._part.is_done:
            self._part = Turn() if isinstance(self._part, Pursuit) else self._way_on(robot)
        return self._part.drive(robot)

    def _way_on(self, robot: Pose) -> Turn | Pursuit:
        """Return the way to the next viewpoint; another turn where none leads there, or nothing is left to see."""
        self._seen_from.append(robot.point)
        viewpoint = next_viewpoint(self._costmap, robot.point, self._seen_from)
        if viewpoint is None:
            self._seen_from = []
            return Turn()
        try:
            route = plan_route(self._costmap, robot.point, viewpoint)
        except RouteError:
            self._seen_from.append(viewpoint)
            return Turn()
        (x, y), (end_x, end_y) = route[-2:]
        return Pursuit(route, math.atan2(end_y - y, end_x - x))


def next_viewpoint(costmap: Grid, robot: Point, seen_from: list[Point]) -> Point | None:
    """Return the roomy free point from which the most new floor is near, for the way there; None: all was near.

    Walls between are not thought of: a room has few, and the next turn sees what this one missed.
    """
    free = free_cells(costmap)
    rows, columns = np.indices(free.shape)
    middles = costmap.to_points(np.stack([columns + 0.5, rows + 0.5], axis=-1))
    away = np.linalg.norm(middles[..., None, :] - np.asarray(seen_from), axis=-1).min(axis=-1)
    reach = round(SIGHT_M / costmap.resolution_m)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)).astype(np.float32)
    unseen = ((costmap.values < LETHAL) & (away > SIGHT_M)).astype(np.float32)  # up to the walls, where objects hang
    gain_m2 = cv2.filter2D(unseen, -1, disc, borderType=cv2.BORDER_CONSTANT) * costmap.resolution_m**2
    roomy = free & (costmap.values == costmap.values[free].min())
    worth = np.where(roomy, gain_m2 / (TURN_WORTH_M + np.linalg.norm(middles - np.asarray(robot), axis=-1)), 0.0)
    row, column = np.unravel_index(int(np.argmax(worth)), worth.shape)
    x, y = middles[row, column]
    return (float(x), float(y)) if gain_m2[row, column] * roomy[row, column] > LEAST_GAIN_M2 else None
