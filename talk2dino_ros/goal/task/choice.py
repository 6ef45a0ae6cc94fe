# SPDX-License-Identifier: Apache-2.0
"""Check go_to requests, and rank the objects that one may mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_entries import parse_class
from talk2dino_ros.goal.goal_parameters import MOST_STAND_OFF_M, MOST_TIMEOUT_S
from talk2dino_ros.goal.stand_off import Pose


class RequestError(Talk2DinoError):
    """Invalid go_to request."""


class Which(IntEnum):
    """Rule for choosing among several objects; the values are those of talk2dino_msgs/srv/GoTo."""

    NEAREST = 0
    MOST_CONFIDENT = 1
    BY_ID = 2


class Recollection(IntEnum):
    """Whether the memory is asked; the values are those of talk2dino_msgs/srv/GoTo."""

    ALSO = 0
    LIVE = 1
    ONLY = 2


@dataclass(frozen=True)
class Candidate:
    """A confirmed object, or a remembered place, in the frame of the goals.

    position: x, y, z in metres; radius_m: half of its width in the plane; seen_ns: the stamp of its last image.
    is_remembered: `id` is the memory's, and the image is older than what TF knows.
    """

    id: int
    confidence: float
    position: tuple[float, float, float]
    radius_m: float = 0.0
    seen_ns: int = 0
    is_remembered: bool = False

    @property
    def point(self) -> tuple[float, float]:
        return self.position[0], self.position[1]


@dataclass(frozen=True)
class GoToRequest:
    """Checked go_to request, with the parameters' defaults filled in.

    words: the class as `class_entries` reads it; object_id: for BY_ID alone.
    Raises VocabularyError or RequestError.
    """

    words: str
    which: int
    object_id: int
    stand_off_m: float
    timeout_s: float
    keep_looking: bool = False
    least_stand_off_m: float = 0.0
    memory: int = Recollection.LIVE

    def __post_init__(self) -> None:
        if not parse_class(self.words).is_labelled:
            raise RequestError(
                f"class_name is {self.words!r}, expected a name without a mark; leave out the '!' or '?'"
            )
        if self.which not in tuple(Which):
            raise RequestError(f"which is {self.which}, expected one of {_known(Which)}; choose one")
        if self.memory not in tuple(Recollection):
            raise RequestError(f"memory is {self.memory}, expected one of {_known(Recollection)}; choose one")
        if self.which == Which.BY_ID and not self.object_id:
            raise RequestError("id is 0, expected the id of an object, which counts from 1; see the topic objects")
        if self.which == Which.BY_ID and self.memory == Recollection.ONLY:
            raise RequestError(
                "memory is ONLY and which is BY_ID, expected another rule, as the memory knows no objects' ids; choose "
                "one, or leave memory at ALSO"
            )
        if not (self.least_stand_off_m <= self.stand_off_m <= MOST_STAND_OFF_M):
            raise RequestError(
                f"stand_off_m is {self.stand_off_m:g}, expected metres from robot_radius_m "
                f"({self.least_stand_off_m:g}) to {MOST_STAND_OFF_M:g}; change it, or give 0 for the parameter"
            )
        if not (0.0 < self.timeout_s <= MOST_TIMEOUT_S):
            raise RequestError(
                f"timeout_s is {self.timeout_s:g}, expected seconds above 0 and up to {MOST_TIMEOUT_S:g}; change it, "
                "or give 0 for the parameter"
            )

    @property
    def name(self) -> str:
        """The class's label."""
        return parse_class(self.words).name

    @property
    def asks_memory(self) -> bool:
        """Whether the memory may know a place for it."""
        return self.memory != Recollection.LIVE and self.which != Which.BY_ID

    def describe(self) -> str:
        """Name what is looked for."""
        return f"'{self.name}'" + (f" with id {self.object_id}" if self.which == Which.BY_ID else "")


def _known(values: type[IntEnum]) -> str:
    return ", ".join(f"{value.value} ({value.name})" for value in values)


def ranked(candidates: Sequence[Candidate], go_to_request: GoToRequest, robot: Pose) -> list[Candidate]:
    """Return the matching candidates, the best first; of equals the one with the lower id."""
    if go_to_request.which == Which.BY_ID:
        return [candidate for candidate in candidates if candidate.id == go_to_request.object_id]
    if go_to_request.which == Which.MOST_CONFIDENT:
        return sorted(candidates, key=lambda candidate: (-candidate.confidence, candidate.id))
    return sorted(candidates, key=lambda candidate: (math.dist(candidate.point, robot.point), candidate.id))
