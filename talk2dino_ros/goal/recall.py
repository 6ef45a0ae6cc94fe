# SPDX-License-Identifier: Apache-2.0
"""What the memory answered for one go_to: its places, best first, and at which the object was looked for in vain."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from talk2dino_ros.goal.choice import Candidate
from talk2dino_ros.goal.stand_off import NoFreePoseError, Pose

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86400.0


@dataclass(frozen=True)
class RecalledPlace:
    """A place of the memory as a candidate, and how long before `asked_s` (steady clock) the object was seen there."""

    candidate: Candidate
    age_s: float
    asked_s: float = 0.0

    def unseen_s(self, now_s: float) -> float:
        """Return the seconds since the object was last seen here."""
        return self.age_s + now_s - self.asked_s

    def describe(self) -> str:
        """Say where it is, and when the object was last seen there."""
        x, y = self.candidate.point
        return f"at ({x:.2f}, {y:.2f}), where it was last seen {ago(self.age_s)} ago"


class Recall:
    """The places of the memory for one go_to.

    is_pending: whether an answer is waited for; note: why no place of the memory is gone to, empty where one is or may
    still be; current: the place that is gone to, or was last; gone: those at which the object was looked for in vain.
    """

    def __init__(self, *, is_pending: bool) -> None:
        self.is_pending = is_pending
        self.note = ""
        self.current: RecalledPlace | None = None
        self.gone: list[RecalledPlace] = []
        self._next: list[RecalledPlace] = []
        self._occupied = ""  # why the first of the places that were left out has no free pose

    @property
    def has_more(self) -> bool:
        return bool(self._next)

    def take(self, places: Sequence[RecalledPlace], note: str) -> None:
        """Take the memory's answer: places, best first; note: why there are none."""
        self.is_pending, self._next, self.note = False, list(places), "" if places else note

    def go_on(self, pose_before: Callable[[Candidate], Pose]) -> Pose | None:
        """Make the next place with a free pose the current one and return that pose; None where there is none.

        What `pose_before` raises, but NoFreePoseError, is passed on, and the place stays the next one.
        """
        while self._next:
            place = self._next[0]
            try:
                pose = pose_before(place.candidate)
            except NoFreePoseError as error:
                self._occupied = self._occupied or f"{place.describe()}, but {error}"
                del self._next[0]
                continue
            self.current = place
            del self._next[0]
            return pose
        self.note = f"it is remembered {self._occupied}" if self._occupied and not self.gone else self.note
        return None

    def note_gone(self) -> None:
        """Note that the object was looked for at the current place in vain."""
        assert self.current is not None
        self.gone.append(self.current)

    def is_at(self, candidate: Candidate, same_place_m: float) -> bool:
        """Whether an object is where it was remembered, at the place that is gone to."""
        current = self.current
        return current is not None and math.dist(candidate.position, current.candidate.position) <= same_place_m

    def describe_gone(self) -> str:
        """Say where the object was looked for, and that it was not there."""
        also = f"; nor where else it may be: {self._occupied}" if self._occupied else ""
        return "it is not " + ", nor ".join(place.describe() for place in self.gone) + also


def ago(seconds: float) -> str:
    """Return a time in words, in the largest unit of which it has two: 45 s, 58 min, 3 h, 5 days."""
    for unit_s, unit in ((DAY_S, "days"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"
