# SPDX-License-Identifier: Apache-2.0
"""The states of a go-to task, what it is told of an image, and the reason why an object was not found."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto

from talk2dino_ros.goal.choice import Candidate, GoToRequest, Which

NOT_REACHED = (
    "the robot has not reached the goal within {waited_s:g} s, expected it to drive there; look whether the planner "
    "takes goal_pose, or raise reach_timeout_s"
)


class State(IntEnum):
    """State of a go-to task; the values are those of talk2dino_msgs/msg/GoToState."""

    SEARCHING = 1
    SEEN = 2
    LOST = 3
    REACHED = 4
    NOT_IN_VOCABULARY = 5
    NEVER_SEEN = 6
    NO_FREE_POSE = 7
    CANCELLED = 8
    FAILED = 9
    REMEMBERED = 10
    VERIFYING = 11
    GONE = 12
    NOT_THERE_ANY_MORE = 13


class GoalChange(Enum):
    """What to publish after an update."""

    NONE = auto()
    FIRST = auto()  # to another object or place than before, or the first of all
    MOVED = auto()


@dataclass(frozen=True)
class GoalView:
    """Objects of the requested class after one image.

    candidates: confirmed ones with a place; ids: of all; tentative: how many are not confirmed yet; placeless: how
    many are confirmed and have no position.
    """

    candidates: Sequence[Candidate] = ()
    ids: Collection[int] = field(default_factory=frozenset)
    tentative: int = 0
    placeless: int = 0


def why_in_vain(go_to_request: GoToRequest, view: GoalView, views: int, failure_reason: str) -> tuple[State, str]:
    """Return the state and the reason of a search in vain.

    view: the last one of so many; failure_reason: what prevented a goal, empty for nothing.
    """
    if failure_reason:
        return State.FAILED, failure_reason
    if not views:
        return (
            State.FAILED,
            "no message on the topic of the objects; activate the segmenter, look at its camera's topics",
        )
    if view.placeless:
        return State.FAILED, "it is seen, but without a position; give the segmenter depth and camera_info"
    others = f"{view.tentative} seen, not yet often enough to trust" if view.tentative else "nothing like it seen"
    if go_to_request.which == Which.BY_ID and view.ids:
        others = f"only others are there, with the ids {sorted(view.ids)}"
    return State.NEVER_SEEN, f"{others}; turn the robot, use another word, or raise timeout_s"
