# SPDX-License-Identifier: Apache-2.0
"""Room of the demo, furnished from a seed. Metres and radians, the origin is its middle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from talk2dino_ros.goal.stand_off import Pose

PHOTOS = (
    "astronaut",
    "chelsea",
    "coffee",
    "grace_hopper",
    "rocket",
)  # not the raccoon: from afar `mini` takes it for a cat
WIDTH_M, DEPTH_M, WALL_HEIGHT_M = 7.0, 6.0, 2.2
BOARD_M = 1.2  # the longer side of a photograph
BOARD_HEIGHT_M = 0.85  # its middle, above the floor
BOARD_THICKNESS_M = 0.05
BOARD_GAP_M = 0.5  # at least, between two boards on a wall
CORNER_M = 0.35  # of a wall, kept free at both ends
FREE_BEFORE_BOARD_M = 1.6  # nothing stands nearer to a board's middle
PASSAGE_M = 1.0  # at least, between two obstacles and between obstacle and wall
OBSTACLES = 4
TRIES = 10000


@dataclass(frozen=True)
class Board:
    """A photograph on a board that leans on a wall; its pose is that of the picture's middle, looking into the room."""

    photo: str
    pose: Pose
    width: float
    height: float

    def before(self, distance: float) -> Pose:
        """Return the pose so many metres straight in front of the picture, facing it."""
        x = self.pose.x + distance * math.cos(self.pose.yaw)
        y = self.pose.y + distance * math.sin(self.pose.yaw)
        return Pose(x, y, turned(self.pose.yaw, math.pi))


@dataclass(frozen=True)
class Obstacle:
    """An upright square box on the floor, its sides along the walls (`mini` takes round ones for cups)."""

    x: float
    y: float
    half_side: float
    height: float


@dataclass(frozen=True)
class Room:
    """Four walls around the origin, boards along them, obstacles between, and where the robot starts."""

    seed: int
    width: float  # along x
    depth: float  # along y
    boards: tuple[Board, ...]
    obstacles: tuple[Obstacle, ...]
    start: Pose

    def board(self, photo: str) -> Board:
        """Return the board with this photograph."""
        return next(board for board in self.boards if board.photo == photo)


def turned(yaw: float, by: float) -> float:
    """Return the angle after a turn, in -pi..pi."""
    return math.remainder(yaw + by, math.tau)


def furnish(seed: int, aspects: dict[str, float]) -> Room:
    """Place everything by the seed; aspects: width / height of each photograph."""
    random = np.random.default_rng(seed)
    boards = _hang(random, aspects)
    obstacles: list[Obstacle] = []
    while len(obstacles) < OBSTACLES:
        obstacles.append(_place_obstacle(random, boards, obstacles))
    start = _place_start(random, boards, obstacles)
    return Room(seed, WIDTH_M, DEPTH_M, boards, tuple(obstacles), start)


def _hang(random: np.random.Generator, aspects: dict[str, float]) -> tuple[Board, ...]:
    """Deal the photographs, in random order, over the four walls, and put each wall's at random places."""
    photos = [str(name) for name in random.permutation(sorted(aspects))]
    walls: list[list[str]] = [photos[wall::4] for wall in range(4)]
    return tuple(board for wall, names in enumerate(walls) for board in _on_wall(random, wall, names, aspects))


def _on_wall(random: np.random.Generator, wall: int, names: list[str], aspects: dict[str, float]) -> list[Board]:
    """Hang boards on a wall: 0 is at +x, the others follow counterclockwise; they share what room is left by chance."""
    length, away = (DEPTH_M, WIDTH_M / 2) if wall % 2 == 0 else (WIDTH_M, DEPTH_M / 2)
    sizes = [(BOARD_M * min(1.0, aspects[name]), BOARD_M / max(1.0, aspects[name])) for name in names]
    spare = length - 2 * CORNER_M - sum(width for width, _ in sizes) - BOARD_GAP_M * (len(names) - 1)
    shares = spare * np.sort(random.random(len(names)))
    along = CORNER_M - length / 2
    boards = []
    for name, (width, height), share in zip(names, sizes, shares, strict=True):
        outwards = wall * math.pi / 2
        out, side = away - BOARD_THICKNESS_M, along + width / 2 + float(share)
        x = out * math.cos(outwards) - side * math.sin(outwards)
        y = out * math.sin(outwards) + side * math.cos(outwards)
        boards.append(Board(name, Pose(x, y, turned(outwards, math.pi)), width, height))
        along += width + BOARD_GAP_M
    return boards


def _place_obstacle(random: np.random.Generator, boards: tuple[Board, ...], others: list[Obstacle]) -> Obstacle:
    for _ in range(TRIES):
        half = float(random.uniform(0.15, 0.3))
        x = float(random.uniform(-1, 1)) * (WIDTH_M / 2 - PASSAGE_M - half)
        y = float(random.uniform(-1, 1)) * (DEPTH_M / 2 - PASSAGE_M - half)
        # 1.5 half sides: the way from a square's middle to its corner
        apart = all(math.hypot(x - o.x, y - o.y) > PASSAGE_M + 1.5 * (half + o.half_side) for o in others)
        if apart and all(math.hypot(x - b.pose.x, y - b.pose.y) > FREE_BEFORE_BOARD_M + 1.5 * half for b in boards):
            return Obstacle(x, y, half, float(random.uniform(0.3, 0.9)))
    raise RuntimeError(f"no place for an obstacle after {TRIES} tries; make the room larger")


def _place_start(random: np.random.Generator, boards: tuple[Board, ...], obstacles: list[Obstacle]) -> Pose:
    for _ in range(TRIES):
        x, y = random.uniform(-1, 1, 2) * (WIDTH_M / 2 - PASSAGE_M, DEPTH_M / 2 - PASSAGE_M)
        if all(math.hypot(x - o.x, y - o.y) > PASSAGE_M / 2 + 1.5 * o.half_side for o in obstacles):
            return Pose(float(x), float(y), float(random.uniform(-math.pi, math.pi)))
    raise RuntimeError(f"no place for the robot after {TRIES} tries; make the room larger")
