# SPDX-License-Identifier: Apache-2.0
"""Stub of Nav2's planner, for the demo alone: A* over a costmap's cells."""

from __future__ import annotations

import heapq
import math

import numpy as np
import numpy.typing as npt

from benchmarks.nav.floor_plan import INSCRIBED
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.goal.grid import Grid

Cell = tuple[int, int]  # column, row
Point = tuple[float, float]
STEPS = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y]
COST_WEIGHT = 3.0  # a cell next to the inscribed ones counts as so many more free ones: keep off, if it is no detour


class RouteError(Talk2DinoError):
    """There is no way."""


def plan_route(costmap: Grid, start: Point, goal: Point) -> list[Point]:
    """Return the cheapest way from start to goal as points, both ends included.

    A robot that stands where it may not, as after a nudge, first leaves to the nearest free cell. Raises RouteError
    where the goal is not free, or cannot be reached.
    """
    goal_cell = _cell(costmap, goal)
    if not _is_free(costmap, goal_cell):
        raise RouteError(f"the goal ({goal[0]:.2f}, {goal[1]:.2f}) is not free in the costmap; choose another")
    cells = cheapest_cells(costmap, nearest_free(costmap, _cell(costmap, start)), goal_cell)
    if not cells:
        raise RouteError(
            f"no way leads to ({goal[0]:.2f}, {goal[1]:.2f}); make a passage wider, or choose another goal"
        )
    middles = costmap.to_points(np.asarray(cells) + 0.5)
    return [start, *((float(x), float(y)) for x, y in middles[1:-1]), goal]


def step_cost(costmap: Grid, before: Cell, after: Cell) -> float:
    """Return the cost of a step between neighbours, in cells; infinite where the robot would touch something.

    A step across a corner needs both cells beside it.
    """
    column, row = after
    beside = ((column, before[1]), (before[0], row))
    if not all(_is_free(costmap, cell) for cell in (after, *beside)):
        return math.inf
    length = math.hypot(column - before[0], row - before[1])
    return length * (1 + COST_WEIGHT * max(0, int(costmap.values[row, column])) / INSCRIBED)


def cheapest_cells(costmap: Grid, start: Cell, goal: Cell) -> list[Cell]:
    """Return the cells of the cheapest way, or [] where there is none.

    A cell costs at least 1, so the straight distance never overestimates, and the first way found is the cheapest.
    """
    costs, came_from = {start: 0.0}, {start: start}
    heap = [(math.dist(start, goal), start)]
    done: set[Cell] = set()
    while heap:
        cell = heapq.heappop(heap)[1]
        if cell == goal:
            return _trace(came_from, goal)
        if cell in done:
            continue
        done.add(cell)
        for step_x, step_y in STEPS:
            after = cell[0] + step_x, cell[1] + step_y
            cost = costs[cell] + step_cost(costmap, cell, after)
            if cost < costs.get(after, math.inf):
                costs[after], came_from[after] = cost, cell
                heapq.heappush(heap, (cost + math.dist(after, goal), after))
    return []


def _trace(came_from: dict[Cell, Cell], goal: Cell) -> list[Cell]:
    cells = [goal]
    while came_from[cells[-1]] != cells[-1]:
        cells.append(came_from[cells[-1]])
    return cells[::-1]


def nearest_free(costmap: Grid, cell: Cell) -> Cell:
    """Return the free cell nearest to a cell, which is itself where it is free; raise RouteError where none is."""
    rows, columns = np.nonzero(free_cells(costmap))
    if not rows.size:
        raise RouteError("the costmap has no free cell; clear it")
    best = int(np.argmin((columns - cell[0]) ** 2 + (rows - cell[1]) ** 2))
    return int(columns[best]), int(rows[best])


def free_cells(costmap: Grid) -> npt.NDArray[np.bool_]:
    """Return the cells where the robot's middle may be."""
    return np.asarray((costmap.values >= 0) & (costmap.values < INSCRIBED))


def _is_free(costmap: Grid, cell: Cell) -> bool:
    rows, columns = costmap.values.shape
    inside = 0 <= cell[0] < columns and 0 <= cell[1] < rows
    return inside and 0 <= int(costmap.values[cell[1], cell[0]]) < INSCRIBED


def _cell(costmap: Grid, point: Point) -> Cell:
    column, row = np.floor(costmap.to_cells(point)).astype(int)
    return int(column), int(row)
