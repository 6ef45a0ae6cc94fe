# SPDX-License-Identifier: Apache-2.0
"""A* against a brute-force search, and the ways that a robot may take."""

import itertools
import math

import numpy as np
import pytest

from benchmarks.nav.floor_plan import INSCRIBED, LETHAL
from benchmarks.nav.route import RouteError, cheapest_cells, nearest_free, plan_route, step_cost
from talk2dino_ros.goal.grid import Grid


def grid_of(picture: str) -> Grid:
    """# is an obstacle, a digit nine times its value; the first line is row 0."""
    rows = [
        [LETHAL if c == "#" else 9 * int(c) if c.isdigit() else 0 for c in line.strip()] for line in picture.split()
    ]
    return Grid(np.array(rows, np.int8), 1.0)


def costs_from(costmap: Grid, start: tuple[int, int]) -> np.ndarray:
    """What each cell costs from the start, by relaxing every step until nothing changes (Bellman and Ford).

    The costs of the rule as it is meant: length times (1 + 3 value / 99), obstacles and cut corners closed.
    """
    rows, columns = costmap.values.shape
    closed = (costmap.values < 0) | (costmap.values >= INSCRIBED)
    weights = 1 + 3 * costmap.values.astype(float) / 99
    costs = np.full((rows, columns), math.inf)
    costs[start[1], start[0]] = 0.0
    while True:
        before = costs.copy()
        for row in range(rows):
            for column in range(columns):
                for other_row in range(max(0, row - 1), min(rows, row + 2)):
                    for other_column in range(max(0, column - 1), min(columns, column + 2)):
                        between = closed[row, column] or closed[row, other_column] or closed[other_row, column]
                        if not between:
                            length = math.hypot(row - other_row, column - other_column)
                            step = length * weights[row, column]
                            costs[row, column] = min(costs[row, column], costs[other_row, other_column] + step)
        if np.array_equal(before, costs):
            return costs


@pytest.mark.parametrize("seed", range(25))
def test_a_star_finds_a_path_of_brute_forces_cost(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.integers(0, INSCRIBED, (11, 13)).astype(np.int8)
    values[random.random(values.shape) < 0.3] = LETHAL
    values[0, 0] = 0
    costmap = Grid(values, 1.0)
    expected = costs_from(costmap, (0, 0))
    for _ in range(8):
        goal = int(random.integers(13)), int(random.integers(11))
        cells = cheapest_cells(costmap, (0, 0), goal)
        found = sum(step_cost(costmap, one, other) for one, other in itertools.pairwise(cells))
        assert (found if cells else math.inf) == pytest.approx(expected[goal[1], goal[0]])
        assert not cells or (cells[0], cells[-1]) == ((0, 0), goal)


def test_a_way_around_a_wall_keeps_off_its_corner() -> None:
    costmap = grid_of("""
        .....
        .###.
        .....""")
    assert cheapest_cells(costmap, (1, 0), (1, 2)) == [(1, 0), (0, 0), (0, 1), (0, 2), (1, 2)]


def test_no_path_leads_between_obstacles_that_touch_at_a_corner() -> None:
    costmap = grid_of("""
        .#
        #.""")
    assert cheapest_cells(costmap, (0, 0), (1, 1)) == []
    with pytest.raises(RouteError, match=r"no way leads to \(1.50, 1.50\)"):
        plan_route(costmap, (0.5, 0.5), (1.5, 1.5))


def test_a_detour_is_taken_to_keep_off() -> None:
    costmap = grid_of("""
        .....
        .999.
        .....""")
    assert (2, 1) not in cheapest_cells(costmap, (0, 1), (4, 1))


def test_a_goal_in_an_obstacle_or_off_the_map_is_refused() -> None:
    costmap = grid_of("..#")
    with pytest.raises(RouteError, match=r"the goal \(2.50, 0.50\) is not free"):
        plan_route(costmap, (0.5, 0.5), (2.5, 0.5))
    with pytest.raises(RouteError, match="is not free"):
        plan_route(costmap, (0.5, 0.5), (-1.0, 0.5))


def test_a_robot_in_the_inflation_leaves_it_first() -> None:
    costmap = grid_of("##..")
    assert nearest_free(costmap, (0, 0)) == (2, 0)
    assert plan_route(costmap, (0.7, 0.5), (3.6, 0.5)) == [(0.7, 0.5), (3.6, 0.5)]
    with pytest.raises(RouteError, match="no free cell"):
        nearest_free(grid_of("##"), (0, 0))


def test_start_and_goal_are_the_ends_and_the_rest_are_the_cells_middles() -> None:
    costmap = Grid(np.zeros((4, 8), np.int8), 0.5, x=-1.0, y=2.0)
    route = plan_route(costmap, (-0.9, 2.1), (1.2, 2.3))
    assert route[0] == (-0.9, 2.1)
    assert route[-1] == (1.2, 2.3)
    assert route[1:-1] == [(-0.25, 2.25), (0.25, 2.25), (0.75, 2.25)]
