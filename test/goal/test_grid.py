# SPDX-License-Identifier: Apache-2.0
"""Free cells and lines of sight: hand-drawn maps, and random ones against slow and plain rules of the test's own."""

import itertools
import math

import numpy as np
import pytest

from talk2dino_ros.goal.grid import Grid, GridError, GridRules, sees, standing_points

FREE, WALL, UNKNOWN = 0, 100, -1
MEANING = {".": FREE, "#": WALL, "?": UNKNOWN, "g": 50}


def grid_of(drawing: str, **options) -> Grid:
    """Draw a map as it is seen from above: y upwards, so that the last line is row 0."""
    rows = [[MEANING[sign] for sign in line.strip()] for line in drawing.strip().splitlines()]
    return Grid(np.array(rows[::-1], np.int8), options.pop("resolution_m", 1.0), **options)


def as_set(points) -> set[tuple[float, float]]:
    return {(round(float(x), 6), round(float(y), 6)) for x, y in points}


OPEN = GridRules()


def test_a_point_is_found_in_the_cell_that_covers_it():
    grid = grid_of("...\n.#.", resolution_m=0.5, x=10.0, y=20.0)
    assert grid.to_cells([[10.6, 20.2]]).tolist() == pytest.approx(np.array([[1.2, 0.4]]))
    assert grid.values_at(np.array([[1, 0], [1, 1], [3, 0], [-1, 0]])).tolist() == [WALL, FREE, UNKNOWN, UNKNOWN]


def test_a_rotated_and_translated_grid_has_its_cells_at_its_pose():
    grid = grid_of("..\n.#", resolution_m=2.0, x=1.0, y=1.0, yaw=math.pi / 2)  # columns run along y, rows against x
    assert grid.to_points([[1.5, 0.5]]) == pytest.approx(np.array([[0.0, 4.0]]))
    assert grid.to_cells([[0.0, 4.0]]) == pytest.approx(np.array([[1.5, 0.5]]))


@pytest.mark.parametrize("resolution_m", [0.0, -0.05, 1e-6, 1e-38, 101.0, 1e38, math.nan, math.inf])
def test_an_invalid_resolution_is_refused(resolution_m):
    with pytest.raises(GridError, match=r"resolution is .*, expected 0.001 to 100 metres; correct"):
        Grid(np.zeros((2, 2), np.int8), resolution_m)


def test_a_grid_without_cells_is_refused():
    with pytest.raises(GridError, match=r"shape \(0, 4\), expected rows and columns above 0"):
        Grid(np.zeros((0, 4), np.int8), 0.1)


def test_an_origin_that_is_not_finite_is_refused():
    with pytest.raises(GridError, match="origin is x nan"):
        Grid(np.zeros((2, 2), np.int8), 0.1, x=math.nan)


def test_free_cells_come_nearest_first_without_walls_and_unknown_cells():
    grid = grid_of("""
        .?.
        .#.
        g..
    """)
    points = standing_points(grid, (0.5, 0.4), 10.0, OPEN)
    assert points.tolist() == [[0.5, 0.5], [1.5, 0.5], [0.5, 1.5], [2.5, 0.5], [0.5, 2.5], [2.5, 1.5], [2.5, 2.5]]


def test_the_search_ends_at_its_radius():
    points = standing_points(grid_of(".....\n....."), (0.5, 0.5), 1.0, OPEN)
    assert as_set(points) == {(0.5, 0.5), (1.5, 0.5), (0.5, 1.5)}


def test_a_search_beside_the_grid_finds_nothing():
    assert standing_points(grid_of("..\n.."), (50.0, 0.0), 3.0, OPEN).shape == (0, 2)


def test_the_robots_radius_keeps_it_from_walls_the_unknown_and_the_edge():
    grid = grid_of("""
        .......
        .......
        .......
        .......
        ......#
    """)
    middle = (3.5, 2.5)
    near = standing_points(grid, middle, 10.0, GridRules(robot_radius_m=0.4))
    inner = {(x + 0.5, y + 0.5) for x in range(1, 6) for y in range(1, 4)}
    assert (
        as_set(near) == inner
    )  # at least one cell from all, as 0.4 + 0.71 asks; (5, 1) is 1.41 from the wall's middle
    far = standing_points(grid, middle, 10.0, GridRules(robot_radius_m=0.8, unknown_is_free=True))
    assert (5.5, 1.5) not in as_set(far)
    assert (5.5, 2.5) in as_set(far)  # 2.24 cells away
    assert (0.5, 0.5) in as_set(far)  # beyond the edge all is unknown, and that is free here


def test_unknown_cells_are_free_on_request():
    points = standing_points(grid_of("?#"), (0.5, 0.5), 1.0, GridRules(unknown_is_free=True))
    assert points.tolist() == [[0.5, 0.5]]


def test_an_inflated_cell_is_free_where_the_rules_say_so():
    assert len(standing_points(grid_of("gg"), (0.5, 0.5), 5.0, GridRules(occupied_from=50))) == 0
    assert len(standing_points(grid_of("gg"), (0.5, 0.5), 5.0, GridRules(occupied_from=51))) == 2


def test_a_wall_blocks_sight():
    grid = grid_of("""
        ...#..
        ...#..
        ......
    """)
    points = [(0.5, 0.5), (0.5, 2.5), (4.5, 2.5), (2.5, 2.5)]
    assert sees(grid, points, (5.5, 0.5), 0.0, OPEN).tolist() == [True, False, True, False]


def test_the_objects_own_cells_do_not_block_sight():
    grid = grid_of("......##")
    assert sees(grid, [(0.5, 0.5)], (7.5, 0.5), 0.0, OPEN).tolist() == [False]
    assert sees(grid, [(0.5, 0.5)], (7.5, 0.5), 1.0, OPEN).tolist() == [True]
    assert sees(grid, [(0.5, 0.5)], (6.5, 0.5), 0.0, OPEN).tolist() == [True]  # its own cell


def test_two_walls_that_touch_at_a_corner_leave_no_gap():
    grid = grid_of("""
        .#
        #.
    """)
    assert sees(grid, [(0.5, 1.5)], (1.5, 0.5), 0.0, OPEN).tolist() == [False]
    assert sees(grid_of("..\n#."), [(0.5, 1.5)], (1.5, 0.5), 0.0, OPEN).tolist() == [True]
    assert sees(grid_of(".#\n.."), [(0.5, 1.5)], (1.5, 0.5), 0.0, OPEN).tolist() == [True]


def test_unknown_cells_and_cells_beyond_the_edge_do_not_block_sight():
    assert sees(grid_of(".??."), [(0.5, 0.5), (-9.5, 0.5)], (3.5, 0.5), 0.0, OPEN).tolist() == [True, True]


def test_an_occupied_cell_may_be_transparent():
    assert sees(grid_of(".g."), [(0.5, 0.5)], (2.5, 0.5), 0.0, GridRules(opaque_from=50)).tolist() == [False]
    assert sees(grid_of(".g."), [(0.5, 0.5)], (2.5, 0.5), 0.0, GridRules(opaque_from=51)).tolist() == [True]


def random_grid(rng) -> Grid:
    rows, columns = rng.integers(1, 14, 2)
    values = rng.choice(np.array([FREE, WALL, UNKNOWN, 40], np.int8), (rows, columns), p=[0.6, 0.2, 0.1, 0.1])
    return Grid(values, float(rng.uniform(0.05, 2.0)), *map(float, rng.uniform(-5, 5, 2)), float(rng.uniform(-4, 4)))


def slow_standing_points(grid, centre, radius_m, rules) -> set[tuple[float, float]]:
    """Each cell against each obstacle, in plain loops; the unknown beyond the edge is a ring that is wide enough."""
    rows, columns = grid.values.shape
    ring = math.ceil(rules.robot_radius_m / grid.resolution_m) + 2

    def blocked(column, row):
        inside = 0 <= row < rows and 0 <= column < columns
        value = grid.values[row, column] if inside else UNKNOWN
        return value >= rules.occupied_from or (value < 0 and not rules.unknown_is_free)

    every = [(c, r) for r in range(-ring, rows + ring) for c in range(-ring, columns + ring)]
    obstacles = [cell for cell in every if blocked(*cell)]
    free = set()
    for row in range(rows):
        for column in range(columns):
            gap = min((math.dist((column, row), cell) for cell in obstacles), default=math.inf)
            needed = rules.robot_radius_m / grid.resolution_m + math.sqrt(0.5) if rules.robot_radius_m else 0.1
            (point,) = grid.to_points([[column + 0.5, row + 0.5]])
            if gap >= needed and math.dist(point, centre) <= radius_m:
                free |= as_set([point])
    return free


@pytest.mark.parametrize("seed", range(60))
def test_free_cells_equal_those_of_an_exhaustive_search(seed):
    rng = np.random.default_rng(seed)
    grid = random_grid(rng)
    rules = GridRules(unknown_is_free=bool(seed % 2), robot_radius_m=float(rng.choice([0.0, 0.37, 1.1])))
    rows, columns = grid.values.shape
    (centre,) = grid.to_points([rng.uniform(-1, 1 + max(rows, columns), 2)])
    radius_m = float(rng.uniform(0.1, 8.0)) * grid.resolution_m
    points = standing_points(grid, centre, radius_m, rules)
    assert as_set(points) == slow_standing_points(grid, centre, radius_m, rules)
    distances = np.linalg.norm(points - centre, axis=1)
    assert np.all(np.diff(distances) >= -1e-9)


def slow_sight(grid, start, end, object_radius_cells, rules) -> bool:
    """Walk along the line in steps of a thousandth of a cell; over a corner both of its other cells must not hide."""

    def hides(column, row):
        rows, columns = grid.values.shape
        inside = 0 <= row < rows and 0 <= column < columns
        far = math.dist((column + 0.5, row + 0.5), end) > object_radius_cells
        return far and inside and grid.values[row, column] >= rules.opaque_from

    steps = int(math.dist(start, end) * 1000) + 2
    x, y = (np.linspace(a, b, steps) for a, b in zip(start, end, strict=True))
    cells = np.unique(np.stack([np.floor(x), np.floor(y)], axis=1).astype(int), axis=0, return_index=True)
    path = cells[0][np.argsort(cells[1])].tolist()
    for (c, r), (d, s) in itertools.pairwise(path):
        if c != d and r != s and hides(c, s) and hides(d, r):
            return False
    return not any(hides(c, r) for c, r in path)


@pytest.mark.parametrize("seed", range(40))
def test_lines_of_sight_agree_with_small_steps(seed):
    rng = np.random.default_rng(1000 + seed)
    grid = random_grid(rng)
    rows, columns = grid.values.shape
    # not on a lattice: where a line only grazes a corner, small steps and exact arithmetic may differ
    starts = rng.uniform(-1, 1, (20, 2)) + rng.integers(0, (columns + 1, rows + 1), (20, 2))
    end = rng.uniform(0, (columns, rows))
    radius = float(rng.choice([0.0, 1.3]))
    seen = sees(grid, grid.to_points(starts), grid.to_points([end])[0], radius * grid.resolution_m, OPEN)
    assert seen.tolist() == [slow_sight(grid, start, end, radius, OPEN) for start in starts]


@pytest.mark.parametrize("seed", range(10))
def test_lines_between_the_middles_of_cells_agree_with_the_rule_for_corners(seed):
    rng = np.random.default_rng(2000 + seed)
    values = rng.choice(np.array([FREE, WALL], np.int8), (9, 9), p=[0.6, 0.4])
    values[4, 4] = FREE
    grid = Grid(values, 1.0)
    reach = np.arange(-4, 5)
    starts = [(4.5 + i * a, 4.5 + i * b) for i in reach for a, b in ((1, 1), (1, -1), (1, 0), (0, 1)) if i]
    expected = []
    for x, y in starts:
        column, row = int(x), int(y)
        step = np.sign([4 - column, 4 - row]).tolist()
        clear = True
        while clear and (column, row) != (4, 4):
            corner = all(step) and values[row + step[1], column] and values[row, column + step[0]]
            clear = not (values[row, column] or corner)
            column, row = column + step[0], row + step[1]
        expected.append(bool(clear))
    assert sees(grid, starts, (4.5, 4.5), 0.0, OPEN).tolist() == expected


@pytest.mark.parametrize("origin", [(1e9, 0.0, 0.0), (0.0, -1e38, 0.0), (math.nan, 0.0, 0.0), (0.0, 0.0, math.inf)])
def test_an_origin_out_of_range_is_refused(origin):
    with pytest.raises(GridError, match=r"the costmap's origin is .*, expected finite numbers, metres up to 1e"):
        Grid(np.zeros((2, 2), np.int8), 0.05, *origin)


def test_a_grid_with_utm_coordinates_is_valid():
    grid = Grid(np.zeros((40, 40), np.int8), 0.05, 5e5, 5.4e6)
    points = standing_points(grid, (5e5 + 1.0, 5.4e6 + 1.0), 0.1, GridRules())
    assert points[0].tolist() == pytest.approx([5e5 + 0.975, 5.4e6 + 0.975], abs=0.05)


def test_a_search_that_would_fill_the_memory_is_refused_in_a_sentence():
    grid = Grid(np.zeros((10, 10), np.int8), 0.001)
    with pytest.raises(GridError, match=r"look at 20012 x 20012 cells of 0.001 m, expected .*; lower search_radius_m"):
        standing_points(grid, (0.0, 0.0), 1.0, GridRules(robot_radius_m=10.0))
