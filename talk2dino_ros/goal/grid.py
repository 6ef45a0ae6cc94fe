# SPDX-License-Identifier: Apache-2.0
"""Occupancy grid with free-space search and line-of-sight checks.

Cells are counted as (column, row), as x and y are: cell (c, r) covers c <= x < c + 1, r <= y < r + 1 of the grid's
own axes, which may be shifted and turned against its frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.errors import Talk2DinoError

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

UNKNOWN = -1
HALF_DIAGONAL = math.sqrt(0.5)  # of a cell, in cells
FINEST_M, COARSEST_M = 0.001, 100.0  # a cell's side; finer ones are a publisher's mistake, and fill the memory
FARTHEST_M = 1e8  # from a frame's origin: ten times what UTM has, and a float64 still counts in millimetres
MOST_CELLS = 4_000_000  # looked at together: 200 MB for some tenths of a second
SAME_PLACE = 1e-9  # in parts of a line: two borders crossed in the same point, a corner


class GridError(Talk2DinoError):
    """Invalid occupancy grid."""


@dataclass(frozen=True)
class GridRules:
    """Thresholds by which cell values count as free or opaque.

    occupied_from: values from here on are obstacles to stand on or near; opaque_from: to look through.
    unknown_is_free: whether the robot may stand where the value is -1.
    robot_radius_m: stays free around the robot's centre.
    """

    occupied_from: int = 65
    opaque_from: int = 65
    unknown_is_free: bool = False
    robot_radius_m: float = 0.0


@dataclass(frozen=True)
class Grid:
    """Occupancy by cell, as nav_msgs/OccupancyGrid has it.

    values: int8 [rows, columns], 0 (free) .. 100 (occupied), -1 unknown.
    resolution_m: a cell's side; x, y, yaw: the pose of the corner of cell (0, 0) in `frame_id`, metres and radians.
    Raises GridError for a resolution that no map has, no cells, or a pose that is not finite or beyond the earth.
    """

    values: npt.NDArray[np.int8]
    resolution_m: float
    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0
    frame_id: str = ""

    def __post_init__(self) -> None:
        if not FINEST_M * 0.999 <= self.resolution_m <= COARSEST_M:  # it comes as a float32
            raise GridError(
                f"the costmap's resolution is {self.resolution_m:g}, expected {FINEST_M:g} to {COARSEST_M:g} metres; "
                "correct its publisher"
            )
        if self.values.ndim != 2 or not self.values.size:
            raise GridError(
                f"the costmap has the shape {self.values.shape}, expected rows and columns above 0; "
                "correct its publisher"
            )
        if not (all(abs(each) <= FARTHEST_M for each in (self.x, self.y)) and math.isfinite(self.yaw)):
            raise GridError(
                f"the costmap's origin is x {self.x:g}, y {self.y:g}, yaw {self.yaw:g}, expected finite numbers, "
                f"metres up to {FARTHEST_M:g}; correct its publisher"
            )

    def to_cells(self, points: npt.ArrayLike) -> Floats:
        """Turn points [..., 2] of the frame, metres, into places [..., 2] of the grid, in cells."""
        turned = (np.asarray(points, np.float64) - (self.x, self.y)) @ _rotation(self.yaw)
        return np.asarray(turned / self.resolution_m, np.float64)

    def to_points(self, cells: npt.ArrayLike) -> Floats:
        """Turn places [..., 2] of the grid, in cells, into points [..., 2] of the frame."""
        shifted = np.asarray(cells, np.float64) * self.resolution_m @ _rotation(self.yaw).T
        return np.asarray(shifted + np.array([self.x, self.y]), np.float64)

    def is_inside(self, cells: Cells) -> Bools:
        """Whether cells [..., 2] are inside the grid."""
        rows, columns = self.values.shape
        x, y = cells[..., 0], cells[..., 1]
        return np.asarray((x >= 0) & (y >= 0) & (x < columns) & (y < rows))

    def values_at(self, cells: Cells) -> npt.NDArray[np.int8]:
        """Return the values of cells [..., 2]; UNKNOWN beyond the edge."""
        rows, columns = self.values.shape
        found: npt.NDArray[np.int8] = self.values[cells[..., 1].clip(0, rows - 1), cells[..., 0].clip(0, columns - 1)]
        return np.asarray(np.where(self.is_inside(cells), found, np.int8(UNKNOWN)))


def _rotation(yaw: float) -> Floats:
    cosine, sine = math.cos(yaw), math.sin(yaw)
    return np.array([[cosine, -sine], [sine, cosine]])


def standing_points(grid: Grid, centre: npt.ArrayLike, radius_m: float, rules: GridRules) -> Floats:
    """Return the middles [N, 2] of the cells within `radius_m` of a point where the robot may stand, nearest first.

    An obstacle counts as the circle around its cell, so that the robot's radius stays free of its corners too.
    Raises GridError where these are more cells than can be looked at.
    """
    middle = grid.to_cells(centre)
    reach = radius_m / grid.resolution_m
    clearance = rules.robot_radius_m / grid.resolution_m + HALF_DIAGONAL
    margin = math.ceil(clearance)
    low = np.maximum(np.floor(middle - reach), 0).astype(np.int64)
    high = np.minimum(np.ceil(middle + reach), grid.values.shape[::-1]).astype(np.int64)
    if np.any(high <= low):
        return np.empty((0, 2))
    _check_amount(high - low + 2 * margin, grid.resolution_m)
    x, y = np.meshgrid(np.arange(low[0] - margin, high[0] + margin), np.arange(low[1] - margin, high[1] + margin))
    cells = np.stack([x, y], axis=-1)
    inner = (slice(margin, -margin), slice(margin, -margin))
    places = cells[inner] + 0.5
    distance = np.linalg.norm(places - middle, axis=-1)
    chosen = _is_clear(grid.values_at(cells), clearance, rules)[inner] & (distance <= reach)
    nearest_first = np.argsort(distance[chosen], kind="stable")
    return grid.to_points(places[chosen][nearest_first])


def _check_amount(size: Cells, resolution_m: float) -> None:
    if size[0] * size[1] > MOST_CELLS:
        raise GridError(
            f"the search for a free place would look at {size[0]} x {size[1]} cells of {resolution_m:g} m, expected "
            f"{MOST_CELLS} cells at most; lower search_radius_m or robot_radius_m, or use a coarser costmap"
        )


def _is_clear(values: npt.NDArray[np.int8], clearance: float, rules: GridRules) -> Bools:
    """Whether each cell is free, and its middle farther than `clearance` cells from the middle of every obstacle."""
    blocked = values >= rules.occupied_from
    if not rules.unknown_is_free:
        blocked |= values < 0
    if not blocked.any():
        return ~blocked  # without an obstacle OpenCV's distances mean nothing
    distance = cv2.distanceTransform((~blocked).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(~blocked & (distance >= clearance if rules.robot_radius_m else True))


def sees(grid: Grid, points: npt.ArrayLike, tracked: npt.ArrayLike, object_radius_m: float, rules: GridRules) -> Bools:
    """Return bool [N]: whether each of the points [N, 2] has a free line of sight to the object.

    What is nearer to the object than `object_radius_m` is the object itself, or what it stands on, and hides nothing.
    Two obstacles that touch at a corner leave no gap.
    """
    end = grid.to_cells(tracked)
    cells = _cells_on_lines(grid.to_cells(points), end)
    radius = object_radius_m / grid.resolution_m

    def hides(of: Cells) -> Bools:
        far = np.linalg.norm(of + 0.5 - end, axis=-1) > radius
        return np.asarray(far & (grid.values_at(of) >= rules.opaque_from))

    before, after = cells[:, :-1], cells[:, 1:]
    corner = np.stack([hides(np.stack(pair, axis=-1)) for pair in _sides(before, after)])
    past_corner = np.all(before != after, axis=-1)
    return np.asarray(~(hides(cells).any(axis=1) | (corner.all(axis=0) & past_corner).any(axis=1)))


def _sides(before: Cells, after: Cells) -> tuple[tuple[Cells, Cells], tuple[Cells, Cells]]:
    """Return the two cells beside a step over a corner, each as its columns and rows."""
    return (before[..., 0], after[..., 1]), (after[..., 0], before[..., 1])


def _cells_on_lines(starts: Floats, end: Floats) -> Cells:
    """Return the cells [N, K, 2] that the lines from `starts` to `end` cross, in order; shorter lines repeat theirs."""
    crossings = [_crossings(starts[:, axis], end[axis]) for axis in (0, 1)]
    ends = np.zeros((len(starts), 1)), np.ones((len(starts), 1))
    parts = np.sort(np.concatenate([ends[0], *crossings, ends[1]], axis=1), axis=1)
    middles = (parts[:, :-1] + parts[:, 1:]) / 2
    # between two borders that are crossed in one point there is no cell: the one before stands for it
    is_cell = np.diff(parts, axis=1) >= SAME_PLACE
    last = np.maximum.accumulate(np.where(is_cell, np.arange(middles.shape[1]), 0), axis=1)
    middles = np.take_along_axis(middles, last, axis=1)
    places = starts[:, None, :] + middles[..., None] * (end - starts)[:, None, :]
    return np.floor(places).astype(np.int64)


def _crossings(starts: Floats, end: float) -> Floats:
    """Return where along the lines [N, K], 0..1, each border of columns (or rows) is crossed; 1 for none."""
    low, high = np.minimum(starts, end), np.maximum(starts, end)
    first = np.floor(low) + 1
    borders = first[:, None] + np.arange(max(0, int(np.max(np.ceil(high) - first, initial=0.0))))
    span = np.where(end == starts, 1.0, end - starts)
    parts = (borders - starts[:, None]) / span[:, None]
    return np.asarray(np.where(borders < high[:, None], parts.clip(0.0, 1.0), 1.0))
