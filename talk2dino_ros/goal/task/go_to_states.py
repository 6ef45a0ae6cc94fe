# SPDX-License-Identifier: Apache-2.0
"""The states of a go-to task, what it is told of an image, and how far it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto

from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.goal.task.choice import Candidate, GoToRequest, Which

# Makes the pose in front of an object, on the side of another pose, so many metres away; raises NoFreePoseError.
Place = Callable[[Candidate, Pose, float], Pose]


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


class GoToProgress:
    """State, goal and views of one go_to: what the task advances, and its recall of the memory's places too.

    message: one sentence about the state. goal_ns: the stamp of what the goal was computed from. started_s, moved_s:
    when the search began, and when the goal was set, by a steady clock. views: how many images there were; last_view:
    the last one's objects; nearest: (state, evidence, reason) of the image that came nearest to showing the class, None
    where the segmenter has not said; doubt: why none of the objects is gone to, empty where one is, or none is there.
    failure_reason: why there is no goal although the object is seen, empty where nothing prevents one.
    """

    def __init__(self, go_to_request: GoToRequest) -> None:
        self.go_to_request = go_to_request
        self.state = State.SEARCHING
        self.message = f"looking for {go_to_request.describe()}"
        self.is_ended = False
        self.goal: Pose | None = None
        self.goal_ns = 0
        self.started_s = math.inf
        self.moved_s = -math.inf
        self.views = 0
        self.last_view = GoalView()
        self.nearest: tuple[int, float, str] | None = None
        self.doubt = ""
        self.failure_reason = ""

    def enter(self, state: State, message: str) -> None:
        """Change the state, with one sentence about it."""
        self.state, self.message = state, message

    def end(self, state: State, message: str) -> None:
        """End in a state, unless it has ended already."""
        if not self.is_ended:
            self.is_ended = True
            self.enter(state, message)

    def set_goal(self, goal: Pose, now_s: float, goal_ns: int) -> None:
        """Make a pose the goal, from now on."""
        self.goal, self.moved_s, self.goal_ns = goal, now_s, goal_ns

    def take_view(self, view: GoalView) -> None:
        """Count an image, and keep its objects."""
        self.views += 1
        self.last_view = view
        self.doubt = self.failure_reason = ""

    def take_presence(self, state: int, evidence: float, reason: str) -> None:
        """Take how the class stands in an image: in view, not sure or not in view; see talk2dino_msgs/msg/Presence."""
        if self.nearest is None or (state, evidence) > self.nearest[:2]:
            self.nearest = state, evidence, reason
        if self.state == State.SEARCHING and not self.is_ended and not self.failure_reason:
            self.message = f"looking for {self.go_to_request.describe()}; {reason}"

    def why_in_vain(self, views_before: int = 0) -> tuple[State, str]:
        """Return the state and the reason of a search in vain, which began after so many views."""
        if self.failure_reason:
            return State.FAILED, self.failure_reason
        if self.views == views_before:
            return (
                State.FAILED,
                "no message on the topic of the objects; activate the segmenter, and look at its camera's topics",
            )
        view = self.last_view
        if view.placeless:
            return State.FAILED, "it is seen, but without a position; give the segmenter depth and camera_info"
        others = f"{view.tentative} seen, not yet often enough to trust" if view.tentative else "nothing like it seen"
        if self.go_to_request.which == Which.BY_ID and view.ids:
            others = f"only others are there, with the ids {sorted(view.ids)}"
        if self.nearest is not None and not self.doubt:
            others = f"{others} ({self.nearest[2]})"
        return State.NEVER_SEEN, f"{self.doubt or others}; turn the robot, use another word, or raise timeout_s"
