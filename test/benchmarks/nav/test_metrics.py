# SPDX-License-Identifier: Apache-2.0
"""What counts as success, and what the table says of it."""

import math
from dataclasses import replace

import pytest

from benchmarks.nav.metrics import STAND_OFF_M, Leg, evaluate_leg, right_place
from benchmarks.nav.nav_report import draw_plan, table
from benchmarks.nav.room import Board, Room
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.viz.pictures import read_picture

# A board at the wall at x = 3.5, looking towards the middle.
BOARD = Board("coffee", Pose(3.45, 0.0, math.pi), 1.2, 0.8)
ROOM = Room(7, 7.0, 6.0, (BOARD,), (), Pose(0.0, 0.0, 0.0))
THERE = Pose(3.45 - STAND_OFF_M, 0.0, 0.0)


def leg_to(stop: Pose, state: str = "REACHED") -> Leg:
    leg = Leg("coffee cup", "coffee", started_s=2.0, found_s=5.0, ended_s=12.0, state=state)
    leg.path = [ROOM.start, stop]
    leg.found_from = ROOM.start
    leg.goals = [THERE]
    leg.points = [(3.45, 0.1, 0.8), (3.15, 0.4, 0.8)]
    return leg


def test_the_expected_goal_is_on_the_robots_side_of_the_object() -> None:
    place = right_place(ROOM, BOARD, ROOM.start)
    assert math.dist(place.point, THERE.point) < 0.06  # the middle of a cell
    assert place.yaw == pytest.approx(0.0, abs=0.05)
    aside = right_place(ROOM, BOARD, Pose(1.45, 2.0, 0.0))  # at 45 degrees
    assert math.dist(aside.point, (3.45 - math.sqrt(0.5), math.sqrt(0.5))) < 0.06


def test_a_robot_that_stands_right_and_faces_the_object_has_succeeded() -> None:
    verdict = evaluate_leg(ROOM, leg_to(THERE))
    assert verdict.is_success
    assert (verdict.find_s, verdict.total_s) == (3.0, 10.0)
    assert verdict.place_error_m < 0.06
    assert verdict.facing_error_deg == pytest.approx(0.0, abs=1e-9)
    assert verdict.point_errors_m == pytest.approx((0.1, 0.5))  # 3-4-5


@pytest.mark.parametrize(
    ("stop", "is_success"),
    [
        (replace(THERE, x=THERE.x - 0.4), True),
        (replace(THERE, x=THERE.x - 0.6), False),
        (replace(THERE, yaw=math.radians(18)), True),
        (replace(THERE, yaw=math.radians(22)), False),
        (replace(THERE, yaw=math.pi), False),
    ],
)
def test_a_goal_within_half_a_metre_and_twenty_degrees_is_a_success(stop: Pose, is_success: bool) -> None:
    assert evaluate_leg(ROOM, leg_to(stop)).is_success is is_success


def test_only_what_the_goal_node_calls_reached_is_a_success() -> None:
    assert not evaluate_leg(ROOM, leg_to(THERE, state="LOST")).is_success
    never = leg_to(THERE, state="NEVER_SEEN")
    never.found_from, never.found_s, never.points = None, math.nan, []
    verdict = evaluate_leg(ROOM, never)
    assert not verdict.is_success
    assert math.isnan(verdict.place_error_m)


def test_the_table_is_markdown_with_a_row_for_each_leg_and_blanks_for_what_is_not_known() -> None:
    never = leg_to(ROOM.start, state="NEVER_SEEN")
    never.found_from, never.found_s, never.points = None, math.nan, []
    lines = table([evaluate_leg(ROOM, leg_to(THERE)), evaluate_leg(ROOM, never)]).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows[2][:5] == ["7", "coffee cup", "REACHED", "3.0 s", "10.0 s"]
    assert rows[2][7:] == ["2", "0.30 m", "0.48 m", "yes"]  # 95 % of the way from 0.1 to 0.5
    assert rows[3] == ["7", "coffee cup", "NEVER_SEEN", "", "10.0 s", "", "0 °", "0", "", "", "no"]
    assert len({len(line) for line in lines}) == 1


def test_the_plan_shows_way_points_and_truth_in_the_legs_colour(tmp_path) -> None:
    draw_plan(ROOM, [leg_to(THERE)], tmp_path / "with.png")
    draw_plan(ROOM, [], tmp_path / "without.png")

    def blue(name: str) -> int:
        picture = read_picture(tmp_path / name).astype(int)
        return int((abs(picture - (31, 119, 180)).sum(axis=-1) < 30).sum())  # tab:blue

    assert blue("with.png") > 1000
    assert blue("without.png") == 0
