# SPDX-License-Identifier: Apache-2.0
"""Occupancy map of the room, and its costmap inflated by the robot's radius."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.nav.drive import ROBOT_RADIUS_M
from benchmarks.nav.room import BOARD_THICKNESS_M, Room
from talk2dino_ros.goal.grid import Grid

RESOLUTION_M = 0.05
MARGIN_M = 0.2  # of wall that is drawn around the room
# As Nav2's costmaps: what is in the obstacle, what the robot's middle may not touch, and a slope beyond.
LETHAL, INSCRIBED = 100, 99
SLOPE_M = 0.4  # where the costs beyond the robot's radius end


def floor_plan(room: Room, frame_id: str = "map") -> Grid:
    """Return the room's cells, 100 where something stands, else 0."""
    x, y = -room.width / 2 - MARGIN_M, -room.depth / 2 - MARGIN_M
    shape = round(-2 * y / RESOLUTION_M), round(-2 * x / RESOLUTION_M)
    empty = Grid(np.zeros(shape, np.int8), RESOLUTION_M, x, y, frame_id=frame_id)
    rows, columns = np.indices(shape)
    middles = empty.to_points(np.stack([columns + 0.5, rows + 0.5], axis=-1))
    across, along = middles[..., 0], middles[..., 1]
    occupied = (abs(across) > room.width / 2) | (abs(along) > room.depth / 2)
    for box in room.obstacles:
        occupied |= (abs(across - box.x) < box.half_side) & (abs(along - box.y) < box.half_side)
    for board in room.boards:
        ahead, aside = _in_frame(across - board.pose.x, along - board.pose.y, board.pose.yaw)
        occupied |= (ahead > -BOARD_THICKNESS_M - RESOLUTION_M) & (ahead < 0) & (abs(aside) < board.width / 2)
    return Grid(np.where(occupied, np.int8(LETHAL), np.int8(0)), RESOLUTION_M, x, y, frame_id=frame_id)


def _in_frame(x: np.ndarray, y: np.ndarray, yaw: float) -> tuple[np.ndarray, np.ndarray]:
    return x * np.cos(yaw) + y * np.sin(yaw), y * np.cos(yaw) - x * np.sin(yaw)


def inflate(plan: Grid, radius_m: float = ROBOT_RADIUS_M, slope_m: float = SLOPE_M) -> Grid:
    """Return the costmap: 100 in obstacles, 99 within the radius, from 98 down to 0 over the slope beyond."""
    free = (plan.values < LETHAL).astype(np.uint8)
    # to the next occupied cell's middle; half a cell less is the distance to its side
    distance = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - 0.5
    beyond = (distance * plan.resolution_m - radius_m) / slope_m
    costs = np.where(beyond <= 0, INSCRIBED, np.clip((INSCRIBED - 1) * (1 - beyond), 0, INSCRIBED - 1))
    values = np.where(free == 0, LETHAL, costs).astype(np.int8)
    return Grid(values, plan.resolution_m, plan.x, plan.y, plan.yaw, plan.frame_id)


def value_at(grid: Grid, x: float, y: float) -> int:
    """Return the value of the cell at a point, -1 beyond the edge."""
    return int(grid.values_at(np.floor(grid.to_cells((x, y))).astype(np.int64)))
