# SPDX-License-Identifier: Apache-2.0
"""Measure a drive to one object against the simulator's ground truth."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.nav.floor_plan import INSCRIBED, LETHAL, floor_plan, inflate
from benchmarks.nav.room import Board, Room
from talk2dino_ros.goal.grid import GridRules
from talk2dino_ros.goal.stand_off import FreeSpace, Pose, angle_between, facing, free_stand_off_pose

STAND_OFF_M = 1.0
NEAR_ENOUGH_M, FACING_DEG = 0.5, 20.0
# How the goal node is told to read the costmap, and so is the truth.
RULES = GridRules(occupied_from=INSCRIBED, opaque_from=LETHAL)
SEARCH_RADIUS_M, SIGHT_MARGIN_M = 1.5, 0.3

Point3 = tuple[float, float, float]
Rgb = npt.NDArray[np.uint8]


@dataclass
class Leg:
    """One go_to as it was watched: times are simulated seconds, places those of the map."""

    word: str
    photo: str  # where it is meant to lead
    started_s: float = 0.0
    found_s: float = math.nan  # the first goal
    ended_s: float = 0.0
    state: str = ""
    message: str = ""
    states: list[tuple[str, str]] = field(default_factory=list)  # one after the other, with the first sentence of each
    path: list[Pose] = field(default_factory=list)  # the robot's true poses
    found_from: Pose | None = None  # the one at the first goal
    goals: list[Pose] = field(default_factory=list)
    points: list[Point3] = field(default_factory=list)  # each detection of the word, as the segmenter published it
    seen_s: float = math.nan  # the last of them
    views: list[tuple[float, Rgb]] = field(default_factory=list)  # overlays with the time


@dataclass(frozen=True)
class LegMetrics:
    """Metrics of a leg, in metres, seconds and degrees; NaN where there is nothing to measure."""

    seed: int
    word: str
    state: str
    find_s: float  # from the request to the first goal
    total_s: float
    place_error_m: float  # from where the robot stopped to the right place
    facing_error_deg: float  # from the way it looks to the object's true middle
    point_errors_m: tuple[float, ...]  # of the detections, in the plane
    is_success: bool


def evaluate_leg(room: Room, leg: Leg) -> LegMetrics:
    """Compute a leg's metrics from the ground truth of its room."""
    board, stop = room.board(leg.photo), leg.path[-1]
    place_error_m = math.nan
    if leg.found_from:
        place_error_m = math.dist(stop.point, right_place(room, board, leg.found_from).point)
    facing_error_deg = math.degrees(angle_between(stop.yaw, facing(stop.point, board.pose.point).yaw))
    return LegMetrics(
        seed=room.seed,
        word=leg.word,
        state=leg.state,
        find_s=leg.found_s - leg.started_s,
        total_s=leg.ended_s - leg.started_s,
        place_error_m=place_error_m,
        facing_error_deg=facing_error_deg,
        point_errors_m=tuple(math.dist(point[:2], board.pose.point) for point in leg.points),
        is_success=leg.state == "REACHED" and place_error_m <= NEAR_ENOUGH_M and facing_error_deg <= FACING_DEG,
    )


def right_place(room: Room, board: Board, found_from: Pose) -> Pose:
    """Return where the goal would be, had the object's place been known exactly when it was found."""
    space = FreeSpace(inflate(floor_plan(room)), RULES, SEARCH_RADIUS_M, SIGHT_MARGIN_M)
    return free_stand_off_pose(board.pose.point, board.width / 2, found_from, STAND_OFF_M, space)
