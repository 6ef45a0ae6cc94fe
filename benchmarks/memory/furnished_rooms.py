# SPDX-License-Identifier: Apache-2.0
"""Seeded rooms full of objects: eight photographs on the walls, two on boards that stand in the room and are moved.

An object is a part of a photograph, in a box that was drawn by hand; where it is in the room follows from its board.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.nav.room import BOARD_HEIGHT_M, BOARD_M, DEPTH_M, WIDTH_M, Board, Room, furnish
from benchmarks.nav.sim_world import aspects, pixel_size
from talk2dino_ros.goal.stand_off import Pose

PHOTOS = ("astronaut", "brushes", "chelsea", "china", "coffee", "dogs", "drum", "fig", "grace_hopper", "rocket")
STANDING = 2  # boards that stand in the room
OBSTACLES_LEFT = 2  # of the demo's room: the boards take the others' place
APART_M = 1.2  # at least, between a standing board and all else, its own other place included
CENTRAL = (WIDTH_M / 2 - 1.3, DEPTH_M / 2 - 1.3)  # where boards may stand
TRIES = 10_000

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels of the photograph
Point = tuple[float, float, float]


@dataclass(frozen=True)
class RoomObject:
    """What a word is asked for: in which photograph it is, and where there."""

    word: str
    photo: str
    box: Box


OBJECTS = (
    RoomObject("helmet", "astronaut", (280, 342, 512, 512)),
    RoomObject("rocket", "astronaut", (355, 0, 472, 290)),
    RoomObject("rocket", "rocket", (285, 122, 358, 410)),
    RoomObject("paintbrush", "brushes", (0, 0, 565, 504)),
    RoomObject("cat", "chelsea", (20, 0, 400, 300)),
    RoomObject("pagoda", "china", (60, 28, 375, 400)),
    RoomObject("cup", "coffee", (168, 15, 412, 312)),
    RoomObject("dog", "dogs", (130, 146, 288, 422)),
    RoomObject("drum", "drum", (10, 308, 270, 482)),
    RoomObject("fig", "fig", (262, 152, 450, 325)),
    RoomObject("bowl", "fig", (142, 52, 637, 431)),
    RoomObject("hat", "grace_hopper", (145, 20, 374, 182)),
)
ABSENT = (
    *("airplane", "banana", "bicycle", "bus", "guitar", "horse", "laptop", "sofa", "toilet", "umbrella", "piano"),
    *("elephant", "microwave", "backpack", "pizza", "motorcycle", "refrigerator", "knife", "bird", "telephone"),
)
ABSENT_PER_ROOM = 10


@dataclass(frozen=True)
class MovedRoom:
    """The same room before and after the photographs `moved` were put elsewhere."""

    before: Room
    after: Room
    moved: tuple[str, ...]


def furnished(seed: int, photos: Sequence[str] = PHOTOS) -> MovedRoom:
    """Furnish the room of a seed with these photographs, of which the last two of a random order stand in the room."""
    random = np.random.default_rng([seed, 16])
    order = [str(name) for name in random.permutation(sorted(photos))]
    sizes = aspects(tuple(photos))
    room = furnish(seed, {name: sizes[name] for name in order[:-STANDING]})
    room = replace(room, obstacles=room.obstacles[:OBSTACLES_LEFT])
    taken = [(box.x, box.y) for box in room.obstacles]
    taken += [board.pose.point for board in room.boards] + [room.start.point]
    moved = tuple(order[-STANDING:])
    places = [[_place(random, taken) for _ in moved] for _ in range(2)]
    before, after = (
        replace(room, boards=room.boards + tuple(map(_standing, moved, poses, map(sizes.get, moved))))
        for poses in places
    )
    return MovedRoom(before, after, moved)


def _place(random: np.random.Generator, taken: list[tuple[float, float]]) -> Pose:
    """Return a place apart from all that is taken, which it joins; looking along an axis towards the room's middle."""
    for _ in range(TRIES):
        x, y = (float(value) for value in random.uniform(-1, 1, 2) * CENTRAL)
        if all(math.dist((x, y), other) >= APART_M for other in taken):
            taken.append((x, y))
            return Pose(x, y, round(math.atan2(-y, -x) / (math.pi / 2)) * math.pi / 2)
    raise RuntimeError(f"no place for a standing board after {TRIES} tries; make the room larger")


def _standing(photo: str, pose: Pose, aspect: float | None) -> Board:
    assert aspect is not None
    return Board(photo, pose, BOARD_M * min(1.0, aspect), BOARD_M / max(1.0, aspect))


def places_of(word: str, room: Room) -> list[Point]:
    """Return where the objects of a word are in a room, metres: the middles of their boxes."""
    there = {board.photo: board for board in room.boards}
    return [place_in(there[item.photo], item) for item in OBJECTS if item.word == word and item.photo in there]


def place_in(board: Board, item: RoomObject) -> Point:
    """Return the middle of an object's box on its board."""
    width, height = pixel_size(item.photo)
    x0, y0, x1, y1 = item.box
    right = ((x0 + x1) / 2 / width - 0.5) * board.width
    down = ((y0 + y1) / 2 / height - 0.5) * board.height
    sin, cos = math.sin(board.pose.yaw), math.cos(board.pose.yaw)
    return board.pose.x - right * sin, board.pose.y + right * cos, BOARD_HEIGHT_M - down


def words_in(room: Room) -> list[str]:
    """Return the words of all objects in a room, each once."""
    there = {board.photo for board in room.boards}
    return sorted({item.word for item in OBJECTS if item.photo in there})


def absent_words(seed: int) -> list[str]:
    """Return ten words of objects that are in no room."""
    return sorted(map(str, np.random.default_rng([seed, 17]).permutation(ABSENT)[:ABSENT_PER_ROOM]))
