# SPDX-License-Identifier: Apache-2.0
"""What happened in the demo, and how right it was. Metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory.furnished_rooms import OBJECTS, MovedRoom, Point, places_of
from benchmarks.memory.recall import NEAR_M
from benchmarks.nav.metrics import Leg, LegMetrics, Rgb, evaluate_leg
from benchmarks.nav.room import Room
from talk2dino_ros.goal.stand_off import Pose


@dataclass(frozen=True, eq=False)
class AskedPlace:
    """A place that the memory has answered. evidence: log odds; images: how many show it."""

    position: Point
    extent: Point
    evidence: float
    confidence: float
    images: int


@dataclass(frozen=True, eq=False)
class Asked:
    """A word that was asked after the tour. places: best first; view: the picture of the best one, it outlined."""

    word: str
    truths: tuple[Point, ...]  # empty: it is not in the room
    places: tuple[AskedPlace, ...]
    message: str
    view: Rgb | None = None

    @property
    def error_m(self) -> float:
        """From the best place to the nearest object of the word; NaN where there is no place, or no object."""
        if not (self.places and self.truths):
            return math.nan
        return min(math.dist(self.places[0].position, truth) for truth in self.truths)

    @property
    def is_right(self) -> bool:
        """Whether the best place is an object of the word; of one that is not there, whether it has no place."""
        return self.error_m <= NEAR_M if self.truths else not self.places


@dataclass(eq=False)
class Story:
    """The whole run. heat: float32 [N, 4] of x, y, z and the score of `asked[-1].word`, after the tour."""

    rooms: MovedRoom
    way: list[Pose] = field(default_factory=list)  # of the tour
    asked: list[Asked] = field(default_factory=list)
    heat: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    legs: list[Leg] = field(default_factory=list)  # before the move, and after it

    @property
    def target(self) -> Asked:
        """The word that is gone to."""
        return self.asked[-1]

    def room_of(self, number: int) -> Room:
        """Return the room as it was during a leg."""
        return self.rooms.after if number else self.rooms.before

    def verdicts(self) -> list[LegMetrics]:
        """Return the metrics of each leg."""
        return [
            evaluate_leg(self.room_of(number), found_at_its_end(leg) if number else leg)
            for number, leg in enumerate(self.legs)
        ]

    def is_right(self) -> bool:
        """Whether the robot stood before the object, and then before its new place, or said that it has gone."""
        first, then = self.verdicts()
        return first.is_success and (then.is_success or then.state == "NOT_THERE_ANY_MORE")


def found_at_its_end(leg: Leg) -> Leg:
    """Return the leg after the move as if its only goal had been the last one.

    It is first sent to where nothing is any more; the right place is that on the side from which it came in the end.
    """
    return replace(leg, found_from=leg.path[-1]) if leg.found_from else leg


def movable_words(rooms: MovedRoom) -> list[str]:
    """Return the words whose only object is moved."""
    words = sorted({item.word for item in OBJECTS if item.photo in rooms.moved})
    return [word for word in words if len(places_of(word, rooms.before)) == 1]


def chosen_word(rooms: MovedRoom, asked: Sequence[Asked]) -> str | None:
    """Return the word to go to: of those that will be moved one that is remembered rightly, else the one with the
    surest place; None: none has a place.
    """
    movable = movable_words(rooms)
    known = [each for each in asked if each.word in movable and each.places]
    best = max(known, key=lambda each: (each.is_right, each.places[0].evidence), default=None)
    return best.word if best else None


def photo_of(word: str, rooms: MovedRoom) -> str:
    """Return the photograph that shows the object of a word which is moved."""
    return next(item.photo for item in OBJECTS if item.word == word and item.photo in rooms.moved)
