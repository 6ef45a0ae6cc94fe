# SPDX-License-Identifier: Apache-2.0
"""Rooms by seeds: always the same, nothing in each other's way, and all of it reachable."""

import itertools
import math

import numpy as np
import pytest

from benchmarks.nav.drive import ROBOT_RADIUS_M
from benchmarks.nav.floor_plan import INSCRIBED, LETHAL, floor_plan, inflate, value_at
from benchmarks.nav.room import PHOTOS, furnish
from benchmarks.nav.route import plan_route
from talk2dino_ros.goal.grid import Grid

ASPECTS = {"astronaut": 1.0, "chelsea": 1.5, "coffee": 1.5, "grace_hopper": 0.85, "rocket": 1.5}
SEEDS = range(12)


def test_a_seed_makes_the_same_room_again_and_another_seed_another() -> None:
    assert furnish(3, ASPECTS) == furnish(3, ASPECTS)
    assert furnish(3, ASPECTS) != furnish(4, ASPECTS)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_photograph_hangs_on_a_wall_and_looks_into_the_room(seed: int) -> None:
    room = furnish(seed, ASPECTS)
    assert sorted(board.photo for board in room.boards) == sorted(PHOTOS)
    for board in room.boards:
        inside = board.before(0.5)
        assert abs(inside.x) < room.width / 2 - 0.3 or abs(inside.y) < room.depth / 2 - 0.3
        to_wall = min(room.width / 2 - abs(board.pose.x), room.depth / 2 - abs(board.pose.y))
        assert to_wall == pytest.approx(0.05)
        assert board.width / board.height == pytest.approx(ASPECTS[board.photo])
    for one, other in itertools.combinations(room.boards, 2):
        assert math.dist(one.pose.point, other.pose.point) > 0.4 + (one.width + other.width) / 4


@pytest.mark.parametrize("seed", SEEDS)
def test_the_robot_can_stand_before_every_board_and_get_there(seed: int) -> None:
    room = furnish(seed, ASPECTS)
    costmap = inflate(floor_plan(room))
    for board in room.boards:
        route = plan_route(costmap, room.start.point, board.before(1.0).point)
        assert all(value_at(costmap, *point) < INSCRIBED for point in route)


def test_a_board_is_faced_from_before_it() -> None:
    for board in furnish(0, ASPECTS).boards:
        pose = board.before(1.0)
        assert math.dist(pose.point, board.pose.point) == pytest.approx(1.0)
        ahead = pose.x + math.cos(pose.yaw), pose.y + math.sin(pose.yaw)
        assert ahead == pytest.approx(board.pose.point)


def test_the_floor_plan_has_walls_boxes_and_boards_and_nothing_else() -> None:
    room = furnish(1, ASPECTS)
    plan = floor_plan(room)
    assert value_at(plan, room.width / 2 + 0.1, 0.0) == LETHAL
    for box in room.obstacles:
        assert value_at(plan, box.x, box.y) == LETHAL
        assert value_at(plan, box.x + box.half_side + 0.06, box.y) == 0
    for board in room.boards:
        assert (
            value_at(plan, board.pose.x, board.pose.y) == LETHAL or value_at(plan, *board.before(-0.03).point) == LETHAL
        )
        assert value_at(plan, *board.before(0.08).point) == 0
    assert value_at(plan, *room.start.point) == 0
    assert value_at(plan, 100.0, 0.0) == -1
    inner = plan.values[6:-6, 6:-6]  # without walls and boards
    assert inner.mean() / LETHAL < len(room.obstacles) * 0.6**2 / (room.width * room.depth) + 0.01


def test_inflation_falls_with_the_distance() -> None:
    values = np.zeros((1, 21), np.int8)
    values[0, 0] = LETHAL
    costs = inflate(Grid(values, 0.05), radius_m=0.2, slope_m=0.5).values[0]
    # cell n's middle is 0.05 n m from the obstacle's, 0.025 m less from its side
    assert costs[0] == LETHAL
    assert costs[1:5].tolist() == [INSCRIBED] * 4  # up to 0.175 m
    assert costs[5] == int(98 * (1 - 0.025 / 0.5))
    assert costs[10] == int(98 * (1 - 0.275 / 0.5))
    assert costs[15] == 0  # 0.725 m
    assert (np.diff(costs) <= 0).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_stands_where_the_robot_starts(seed: int) -> None:
    room = furnish(seed, ASPECTS)
    nearest = min(max(abs(room.start.x - o.x), abs(room.start.y - o.y)) - o.half_side for o in room.obstacles)
    assert nearest > ROBOT_RADIUS_M


@pytest.mark.parametrize("seed", SEEDS)
def test_the_robot_fits_between_any_two_boxes(seed: int) -> None:
    for one, other in itertools.combinations(furnish(seed, ASPECTS).obstacles, 2):
        gaps = (abs(a - b) - one.half_side - other.half_side for a, b in ((one.x, other.x), (one.y, other.y)))
        assert math.hypot(*(max(0.0, gap) for gap in gaps)) > 0.9
