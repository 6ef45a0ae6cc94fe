# SPDX-License-Identifier: Apache-2.0
"""How good answers are: ranked places of a word beside where its objects really are. Metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

NEAR_M = 0.5  # a place so near to an object's middle is it

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Answer:
    """A word, the places that were answered, best first, and where its objects are."""

    word: str
    places: tuple[Point, ...]
    truths: tuple[Point, ...]

    @property
    def errors(self) -> list[float]:
        """Of each place to the nearest object of the word."""
        return [min(math.dist(place, truth) for truth in self.truths) for place in self.places]

    def is_found(self, first: int) -> bool:
        """Whether one of the first so many places is an object of the word."""
        return any(error <= NEAR_M for error in self.errors[:first])


def knows(places: Sequence[Point], point: Point) -> bool:
    """Whether one of the places is at a point."""
    return any(math.dist(place, point) <= NEAR_M for place in places)


def share(count: int, of: int) -> float | None:
    """Return a share in per cent, None of nothing."""
    return round(100 * count / of, 1) if of else None


def recall_facts(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return recall@1 and @3 in per cent, and the median error of the best place of those words that have one."""
    errors = [answer.errors[0] for answer in answers if answer.places]
    return {
        "words": len(answers),
        "recall_at_1_percent": share(sum(answer.is_found(1) for answer in answers), len(answers)),
        "recall_at_3_percent": share(sum(answer.is_found(3) for answer in answers), len(answers)),
        "words_with_a_place": len(errors),
        "best_place_error_m_median": round(median(errors), 3) if errors else None,
        "not_found_at_3": sorted(answer.word for answer in answers if not answer.is_found(3)),
    }


@dataclass(frozen=True)
class Move:
    """A word's places after its only object was moved from one point to another, and whether it was known before."""

    word: str
    was_known: bool
    old: Point
    new: Point
    places: tuple[Point, ...]

    @property
    def old_is_gone(self) -> bool:
        """Whether no place is left where it was."""
        return not knows(self.places, self.old)

    @property
    def new_is_first(self) -> bool:
        """Whether the best place is where it is now."""
        return knows(self.places[:1], self.new)


def move_facts(moves: Sequence[Move]) -> dict[str, Any]:
    """Return, of those that were known before, how many old places are gone and how many new ones found first."""
    known = [move for move in moves if move.was_known]
    return {
        "moved_words": len(moves),
        "known_before": len(known),
        "old_place_gone": sum(move.old_is_gone for move in known),
        "new_place_first": sum(move.new_is_first for move in known),
        "still_at_the_old_place": sorted(move.word for move in known if not move.old_is_gone),
    }
