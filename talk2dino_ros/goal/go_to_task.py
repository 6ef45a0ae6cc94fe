# SPDX-License-Identifier: Apache-2.0
"""One go_to from its start to its end: searching, seen, lost, reached. Pure: time and poses are arguments.

Waiting is measured on a steady clock (`now_s`), so that a simulation which pauses, or a bag which loops, neither
ends a go-to task nor keeps it for ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto

from talk2dino_ros.goal.choice import Candidate, GoToRequest, Which, ranked
from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.stand_off import NoFreePoseError, Pose, angle_between, distance_between, is_within

NOT_REACHED = (
    "the robot has not reached the goal within {waited_s:g} s, expected it to drive there; look whether the planner "
    "takes goal_pose, or raise reach_timeout_s"
)

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


class GoalChange(Enum):
    """What to publish after an update."""

    NONE = auto()
    FIRST = auto()
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


class GoToTask:
    """State machine of one go_to; call `update` and `tick` until `is_ended`."""

    def __init__(self, go_to_request: GoToRequest, settings: GoalParameters) -> None:
        self.go_to_request = go_to_request
        self.state = State.SEARCHING
        self.message = f"looking for {go_to_request.describe()}"
        self.is_ended = False
        self.tracked: Candidate | None = None
        self.goal: Pose | None = None
        self.goal_ns = 0
        self._settings = settings
        self._started_s = math.inf
        self._seen_s = math.nan
        self._moved_s = -math.inf
        self._views = 0
        self._last_view = GoalView()
        self._failure_reason = ""
        self._is_forgotten = False

    @property
    def is_searching(self) -> bool:
        """Whether to pass objects to `update`: the class is in the vocabulary and the task has not ended."""
        return self._started_s < math.inf and not self.is_ended

    def start_searching(self, now_s: float) -> None:
        """Start the time to find the object, as the class is in the vocabulary now."""
        self._started_s = now_s

    def set_failure_reason(self, reason: str) -> None:
        """Note why there is no goal although the object is seen: the reason of the failure when time is up."""
        self._failure_reason = reason
        if self.state == State.SEARCHING:
            self.message = reason

    def forget(self, reason: str) -> None:
        """Handle a clock that went back: trust no object id any more; the last goal stands."""
        self._is_forgotten = True
        if self.state == State.SEEN and self.go_to_request.keep_looking:
            self.state, self.message = State.LOST, reason

    def end(self, state: State, message: str) -> None:
        """End in a state, unless it has ended already."""
        if not self.is_ended:
            self.is_ended, self.state, self.message = True, state, message

    def unseen_s(self, now_s: float) -> float:
        """Return the seconds since the object was seen; NaN where it never was."""
        return now_s - self._seen_s

    def update(self, view: GoalView, robot_now: Callable[[], Pose], place: Place, now_s: float) -> GoalChange:
        """Process the objects of one image; return what to publish.

        What `robot_now` and `place` raise is passed on; the caller gives the reason to `set_failure_reason`.
        """
        self._views += 1
        self._last_view = view
        self._failure_reason = ""
        if self.is_ended or not view.candidates or (self.goal and not self.go_to_request.keep_looking):
            return GoalChange.NONE
        robot = robot_now()
        if self.goal is None:
            return self._first_goal(ranked(view.candidates, self.go_to_request, robot), robot, place, now_s)
        candidate = self._same_or_other(view, robot)
        if candidate is None or self._is_old(candidate):
            return GoalChange.NONE
        return self._follow(candidate, place, now_s)

    def tick(self, robot: Pose | None, now_s: float) -> None:
        """Check the time and the robot's pose; robot: None where its pose is unknown."""
        if self.is_ended:
            return
        if self.goal is None:
            if now_s - self._started_s > self.go_to_request.timeout_s:
                self._end_in_vain()
            return
        if robot and is_within(robot, self.goal, self._settings.xy_tolerance_m, self._settings.yaw_tolerance_rad):
            self.end(
                State.REACHED, f"the robot stands in front of {self.go_to_request.describe()}{self._unseen(now_s)}"
            )
        elif now_s - self._moved_s > self._settings.reach_timeout_s:
            waited_s = self._settings.reach_timeout_s
            self.end(State.FAILED, f"{NOT_REACHED.format(waited_s=waited_s)}{self._unseen(now_s)}")
        elif self.go_to_request.keep_looking and self.unseen_s(now_s) > self._settings.lost_timeout_s:
            self._be_lost(now_s)

    def _first_goal(self, candidates: Sequence[Candidate], robot: Pose, place: Place, now_s: float) -> GoalChange:
        """Go to the first of the candidates that has a free place in front of it."""
        reason = ""
        for candidate in candidates:
            try:
                self.goal = place(candidate, robot, self.go_to_request.stand_off_m)
            except NoFreePoseError as error:
                reason = reason or str(error)
                continue
            self._see(candidate, now_s)
            self._moved_s, self.goal_ns = now_s, candidate.seen_ns
            return GoalChange.FIRST
        if candidates:
            self.end(State.NO_FREE_POSE, f"{self.go_to_request.describe()} is seen, but {reason}")
        return GoalChange.NONE

    def _same_or_other(self, view: GoalView, robot: Pose) -> Candidate | None:
        """The object that is gone to, or another one where it has vanished for good."""
        assert self.tracked is not None
        if not self._is_forgotten and self.tracked.id in view.ids:
            return next((candidate for candidate in view.candidates if candidate.id == self.tracked.id), None)
        return next(iter(ranked(view.candidates, self.go_to_request, robot)), None)

    def _is_old(self, candidate: Candidate) -> bool:
        assert self.tracked is not None
        return not self._is_forgotten and candidate.id == self.tracked.id and candidate.seen_ns <= self.tracked.seen_ns

    def _follow(self, candidate: Candidate, place: Place, now_s: float) -> GoalChange:
        assert self.goal is not None
        settings = self._settings
        self._see(candidate, now_s)
        try:
            # on the side of the last goal, so that the robot's way does not move it
            goal = place(candidate, self.goal, self.go_to_request.stand_off_m)
        except NoFreePoseError as error:
            self.message = f"{self.go_to_request.describe()} is seen, but the goal before stands, for {error}"
            return GoalChange.NONE
        has_moved = (
            distance_between(goal, self.goal) > settings.goal_tolerance_m
            or angle_between(goal.yaw, self.goal.yaw) > settings.goal_tolerance_rad
        )
        if not has_moved or now_s - self._moved_s < 1.0 / settings.goal_update_rate_hz:
            return GoalChange.NONE
        self.goal, self._moved_s, self.goal_ns = goal, now_s, candidate.seen_ns
        return GoalChange.MOVED

    def _see(self, candidate: Candidate, now_s: float) -> None:
        self.tracked, self._seen_s, self._is_forgotten = candidate, now_s, False
        self.state, self.message = State.SEEN, f"{self.go_to_request.describe()} is seen (object {candidate.id})"

    def _be_lost(self, now_s: float) -> None:
        unseen_s = self.unseen_s(now_s)
        why = f" ({self._failure_reason})" if self._failure_reason else ""
        sentence = (
            f"{self.go_to_request.describe()} has not been seen for {unseen_s:.1f} s{why}, and the last goal stands"
        )
        self.state, self.message = State.LOST, sentence
        if unseen_s > self._settings.give_up_s:
            self.end(State.LOST, f"{sentence}; it is given up, look elsewhere or raise give_up_s")

    def _unseen(self, now_s: float) -> str:
        unseen_s = self.unseen_s(now_s)
        is_long = self.go_to_request.keep_looking and unseen_s > self._settings.lost_timeout_s
        return f", which has not been seen for {unseen_s:.1f} s" if is_long else ""

    def _end_in_vain(self) -> None:
        waited = f"no goal for {self.go_to_request.describe()} in {self.go_to_request.timeout_s:g} s: "
        view = self._last_view
        if self._failure_reason:
            self.end(State.FAILED, waited + self._failure_reason)
        elif not self._views:
            self.end(
                State.FAILED,
                f"{waited}no message on the topic of the objects; activate the segmenter, look at its camera's topics",
            )
        elif view.placeless:
            self.end(
                State.FAILED,
                f"{waited}it is seen, but without a position; give the segmenter depth and camera_info",
            )
        else:
            others = (
                f"{view.tentative} seen, not yet often enough to trust" if view.tentative else "nothing like it seen"
            )
            if self.go_to_request.which == Which.BY_ID and view.ids:
                others = f"only others are there, with the ids {sorted(view.ids)}"
            self.end(State.NEVER_SEEN, f"{waited}{others}; turn the robot, use another word, or raise timeout_s")
