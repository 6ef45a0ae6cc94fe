# SPDX-License-Identifier: Apache-2.0
"""The way of one go_to over the memory's places, best first: gone to, looked at, left where the object is gone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.stand_off import NoFreePoseError, Pose
from talk2dino_ros.goal.task.choice import Candidate, Recollection
from talk2dino_ros.goal.task.go_to_states import GoalChange, GoToProgress, Place, State

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

    def describe(self, now_s: float) -> str:
        """Say where it is, and how long ago the object was last seen there."""
        x, y = self.candidate.point
        return f"at ({x:.2f}, {y:.2f}), where it was last seen {ago(self.unseen_s(now_s))} ago"


class Recall:
    """The memory's places for one go_to, whose progress it changes while no object is seen.

    is_pending: whether an answer is waited for; note: why no place of the memory is gone to, empty where one is or may
    still be; current: the place that is gone to, or was last.
    """

    def __init__(self, progress: GoToProgress, settings: GoalParameters) -> None:
        self._progress = progress
        self._settings = settings
        self.is_pending = progress.go_to_request.asks_memory
        self.note = ""
        self.current: RecalledPlace | None = None
        self._next: list[RecalledPlace] = []
        self._gone: list[RecalledPlace] = []
        self._occupied: tuple[RecalledPlace, str] | None = None  # the first without a free pose, and why it has none
        self._unreached: list[tuple[RecalledPlace, str]] = []  # those that the robot did not get to, with the reasons
        self._left_s = math.nan  # when the current place was left for the next one; NaN: it is not
        self._arrived_s = math.nan  # at the current place,
        self._views_before = 0  # and how many views there were until then

    @property
    def is_awaited(self) -> bool:
        """Whether there can be no goal before the memory answers."""
        return self._is_alone and self.is_pending

    def take(self, places: Sequence[RecalledPlace], note: str) -> None:
        """Take the memory's answer: places, best first; note: why there are none."""
        self.is_pending, self._next, self.note = False, list(places), "" if places else note
        if not places:
            self._do_without(State.NEVER_SEEN)

    def fail(self, reason: str, *, is_news: bool = True) -> None:
        """Go on without the memory, which is not there or refuses; the end where nothing else was asked for.

        is_news: whether to say so at once, and not only where nothing is found in the end.
        """
        self.is_pending, self._next, self.note = False, [], reason
        if is_news or self._is_alone:
            self._do_without(State.FAILED)

    def go_on(self, robot_now: Callable[[], Pose], place: Place, now_s: float, now_ns: int) -> GoalChange:
        """Go to the next place where it is time for it; return what to publish.

        One place is tried at a time, as its search for a free pose takes a while in which nothing else is served. What
        `robot_now` and `place` raise is passed on, and the place stays the next one. now_ns: the goal's stamp.
        """
        progress = self._progress
        if progress.is_ended or not self._is_time(now_s):
            return GoalChange.NONE
        goal = self._try_next(robot_now(), place) if self._next else None
        if goal is not None and self.current is not None:
            self._left_s = math.nan
            progress.set_goal(goal, now_s, now_ns)
            progress.enter(State.REMEMBERED, f"{self._name} is remembered {self.current.describe(now_s)}")
            return GoalChange.FIRST
        if not self._next:
            self._have_no_place(now_s)
        return GoalChange.NONE

    @property
    def is_leaving(self) -> bool:
        """Whether the goal is that of a place which was left, and the next one is looked for."""
        return not math.isnan(self._left_s)

    def leave_unreached(self, reason: str, now_s: float) -> None:
        """Leave the current place, which the robot does not reach, for the next one."""
        assert self.current is not None
        self._unreached.append((self.current, reason))
        self._left_s = now_s
        self._progress.enter(State.SEARCHING, f"{self._name} may be {self.current.describe(now_s)}, but {reason}")

    def give_up_leaving(self, now_s: float) -> None:
        """End where what is needed for a goal, as the robot's pose, has been missing for too long."""
        waited_s = self._settings.reach_timeout_s
        if now_s - self._left_s > waited_s:
            why = self._progress.failure_reason or "none could be computed; look at the log"
            self._progress.end(State.FAILED, f"no goal at the next place of {self._name} in {waited_s:g} s: {why}")

    def arrive(self, now_s: float) -> None:
        """Begin to look whether the object is still at the current place, where the robot stands now."""
        assert self.current is not None
        self._arrived_s, self._views_before = now_s, self._progress.views
        self._progress.enter(State.VERIFYING, f"looking whether {self._name} is still {self.current.describe(now_s)}")

    def verify(self, now_s: float) -> None:
        """Decide that the object is gone once it was looked for long enough, or that nobody could look."""
        progress, current = self._progress, self.current
        if progress.state != State.VERIFYING or current is None or now_s - self._arrived_s <= self._settings.verify_s:
            return
        state, why = progress.why_in_vain(self._views_before)
        if state == State.FAILED:
            progress.end(state, f"whether {self._name} is still {current.describe(now_s)}, is not known: {why}")
        else:
            self._gone.append(current)
            self._left_s = now_s
            progress.enter(State.GONE, f"{self._name} is not {current.describe(now_s)}")

    def is_at(self, candidate: Candidate) -> bool:
        """Whether an object is where it was remembered, at the place that is gone to."""
        if self.current is None:
            return False
        return math.dist(candidate.position, self.current.candidate.position) <= self._settings.same_place_m

    def compare(self, candidate: Candidate) -> str:
        """Say whether an object is where it was remembered; '' where no place of the memory was gone to."""
        if self.current is None:
            return ""
        return ", where it was remembered" if self.is_at(candidate) else ", not where it was remembered"

    @property
    def _name(self) -> str:
        return self._progress.go_to_request.describe()

    @property
    def _is_alone(self) -> bool:
        return self._progress.go_to_request.memory == Recollection.ONLY

    def _is_time(self, now_s: float) -> bool:
        progress = self._progress
        if self.is_leaving and progress.state in (State.GONE, State.SEARCHING):
            return True
        if progress.goal is not None or not self._next:
            return False
        live_s = min(self._settings.live_first_s, progress.go_to_request.timeout_s)
        return self._is_alone or now_s - progress.started_s >= live_s

    def _try_next(self, robot: Pose, place: Place) -> Pose | None:
        """Make the next place the current one and return its pose; leave it out where none is free, and return None."""
        candidate = self._next[0].candidate
        try:
            pose = place(candidate, robot, self._progress.go_to_request.stand_off_m)
        except NoFreePoseError as error:
            self._occupied = self._occupied or (self._next[0], str(error))
            del self._next[0]
            return None
        self.current = self._next.pop(0)
        return pose

    def _have_no_place(self, now_s: float) -> None:
        """Handle that no place is left to go to."""
        if self._unreached or self._gone:
            self._progress.end(self._end_state, f"{self._name}: {self._describe_all(now_s)}")
        else:
            self.note = f"it is remembered {self._describe_occupied(now_s)}"
            self._do_without(State.NO_FREE_POSE)

    @property
    def _end_state(self) -> State:
        """The end after the last place: the object is gone for good only where nothing kept the robot from a look."""
        if self._unreached:
            return State.FAILED
        return State.NO_FREE_POSE if self._occupied else State.NOT_THERE_ANY_MORE

    def _do_without(self, state: State) -> None:
        """Say why no place is gone to; the end where nothing else was asked for."""
        if self._is_alone:
            self._progress.end(state, f"no goal for {self._name} from the memory alone: {self.note}")
        elif self._progress.state == State.SEARCHING:
            self._progress.message = f"looking for {self._name}; {self.note}"

    def _describe_all(self, now_s: float) -> str:
        """Say where the object was looked for and is not, and where nobody could look."""
        gone = "it is not " + ", nor ".join(place.describe(now_s) for place in self._gone) if self._gone else ""
        unreached = [
            f"{place.describe(now_s)}, the robot did not get there: {reason}" for place, reason in self._unreached
        ]
        also = f"it may still be {self._describe_occupied(now_s)}" if self._occupied else ""
        return "; ".join(filter(None, (gone, *unreached, also)))

    def _describe_occupied(self, now_s: float) -> str:
        assert self._occupied is not None
        place, error = self._occupied
        return f"{place.describe(now_s)}, but {error}"


def ago(seconds: float) -> str:
    """Return a time in words, in the largest unit of which it has two: 45 s, 58 min, 3 h, 5 days."""
    for unit_s, unit in ((DAY_S, "days"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"
