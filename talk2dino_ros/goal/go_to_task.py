# SPDX-License-Identifier: Apache-2.0
"""One go_to from its start to its end: searching, seen, lost, reached, and the way over the memory's places.

Pure: time and poses are arguments.

Waiting is measured on a steady clock (`now_s`), so that a simulation which pauses, or a bag which loops, neither
ends a go-to task nor keeps it for ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from talk2dino_ros.goal.choice import Candidate, GoToRequest, Recollection, ranked
from talk2dino_ros.goal.go_to_states import NOT_REACHED, GoalChange, GoalView, State, why_in_vain
from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.recall import Recall, RecalledPlace
from talk2dino_ros.goal.stand_off import NoFreePoseError, Pose, is_within

# Makes the pose in front of an object, on the side of another pose, so many metres away; raises NoFreePoseError.
Place = Callable[[Candidate, Pose, float], Pose]


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
        self.recall = Recall(is_pending=go_to_request.asks_memory)
        self._settings = settings
        self._started_s = math.inf
        self._seen_s = math.nan
        self._moved_s = -math.inf
        self._views = 0
        self._arrived_s = math.nan  # at the remembered place,
        self._views_before = 0  # and how many views there were until then
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

    def take_places(self, places: Sequence[RecalledPlace], note: str) -> None:
        """Take the memory's answer: places, best first; note: why there are none."""
        self.recall.take(places, note)
        if not places:
            self._note_no_place(State.NEVER_SEEN)

    def fail_to_recall(self, reason: str) -> None:
        """Go on without the memory, which is not there or refuses; the end where nothing else was asked for."""
        self.recall.take((), reason)
        self._note_no_place(State.FAILED)

    @property
    def aim(self) -> Candidate | None:
        """The object that is gone to, or while none is seen the remembered place; None where there is neither."""
        return self.tracked or (self.recall.current.candidate if self.recall.current else None)

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
        """Return the seconds since the object was seen, by the memory where not since; NaN where it never was."""
        if self.tracked is None and self.recall.current is not None:
            return self.recall.current.unseen_s(now_s)
        return now_s - self._seen_s

    def update(self, view: GoalView, robot_now: Callable[[], Pose], place: Place, now_s: float) -> GoalChange:
        """Process the objects of one image; return what to publish.

        What `robot_now` and `place` raise is passed on; the caller gives the reason to `set_failure_reason`.
        """
        self._views += 1
        self._last_view = view
        self._failure_reason = ""
        is_bound = self.tracked is not None and not self.go_to_request.keep_looking
        if self.is_ended or not view.candidates or is_bound or self._awaits_memory:
            return GoalChange.NONE
        robot = robot_now()
        if self.tracked is None:
            candidates = ranked(view.candidates, self.go_to_request, robot)
            # what is where it was remembered is known by two ways
            candidates.sort(key=lambda candidate: not self._is_where_remembered(candidate))
            return self._first_goal(candidates, robot, place, now_s)
        candidate = self._same_or_other(view, robot)
        if candidate is None or self._is_old(candidate):
            return GoalChange.NONE
        return self._follow(candidate, place, now_s)

    def recollect(self, robot_now: Callable[[], Pose], place: Place, now_s: float, now_ns: int) -> GoalChange:
        """Go to the next place of the memory where it is time for it; return what to publish.

        What `robot_now` and `place` raise is passed on, and the place stays the next one. now_ns: the goal's stamp.
        """
        if self.is_ended or not self._is_time_for_memory(now_s):
            return GoalChange.NONE
        robot = robot_now()
        goal = self.recall.go_on(lambda candidate: place(candidate, robot, self.go_to_request.stand_off_m))
        current = self.recall.current
        if goal is None or current is None:
            self._have_no_place()
            return GoalChange.NONE
        self.goal, self._moved_s, self.goal_ns = goal, now_s, now_ns
        self.state, self.message = (
            State.REMEMBERED,
            f"{self.go_to_request.describe()} is remembered {current.describe()}",
        )
        return GoalChange.FIRST

    def tick(self, robot: Pose | None, now_s: float) -> None:
        """Check the time and the robot's pose; robot: None where its pose is unknown."""
        if self.is_ended:
            return
        if self.goal is None:
            if now_s - self._started_s > self.go_to_request.timeout_s:
                self._end_in_vain()
            return
        if self.state in (State.VERIFYING, State.GONE):
            self._verify(now_s)
        elif robot and is_within(robot, self.goal, self._settings.xy_tolerance_m, self._settings.yaw_tolerance_rad):
            self._arrive(now_s)
        elif now_s - self._moved_s > self._settings.reach_timeout_s:
            waited_s = self._settings.reach_timeout_s
            self.end(State.FAILED, f"{NOT_REACHED.format(waited_s=waited_s)}{self._unseen(now_s)}")
        elif (
            self.tracked is not None
            and self.go_to_request.keep_looking
            and self.unseen_s(now_s) > self._settings.lost_timeout_s
        ):
            self._be_lost(now_s)

    def _first_goal(self, candidates: Sequence[Candidate], robot: Pose, place: Place, now_s: float) -> GoalChange:
        """Go to the first of the candidates that has a free place in front of it."""
        reason = ""
        for candidate in candidates:
            is_there = self.goal is not None and self._is_where_remembered(candidate)
            try:
                # on the side of the goal before where it is the same object, as the robot is on the way there
                goal = place(candidate, self.goal if self.goal and is_there else robot, self.go_to_request.stand_off_m)
            except NoFreePoseError as error:
                reason = reason or str(error)
                if is_there:
                    self._see(candidate, now_s)
                    self.message = f"{self.message}, and the goal before stands, for {error}"
                    return GoalChange.NONE
                continue
            self._see(candidate, now_s)
            if is_there and not self._is_elsewhere(goal):
                return GoalChange.NONE
            self.goal, self._moved_s, self.goal_ns = goal, now_s, candidate.seen_ns
            return GoalChange.FIRST
        if candidates and self.goal is None:
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
        if not self._is_elsewhere(goal) or now_s - self._moved_s < 1.0 / settings.goal_update_rate_hz:
            return GoalChange.NONE
        self.goal, self._moved_s, self.goal_ns = goal, now_s, candidate.seen_ns
        return GoalChange.MOVED

    def _by_memory(self) -> str:
        """Say whether the object is where it was remembered; '' where no place of the memory was gone to."""
        if self.tracked is None or self.recall.current is None:
            return ""
        return (
            ", where it was remembered" if self._is_where_remembered(self.tracked) else ", not where it was remembered"
        )

    def _is_elsewhere(self, goal: Pose) -> bool:
        assert self.goal is not None
        return not is_within(goal, self.goal, self._settings.goal_tolerance_m, self._settings.goal_tolerance_rad)

    def _see(self, candidate: Candidate, now_s: float) -> None:
        self.tracked, self._seen_s, self._is_forgotten = candidate, now_s, False
        sentence = f"{self.go_to_request.describe()} is seen (object {candidate.id}){self._by_memory()}"
        self.state, self.message = State.SEEN, sentence

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
        state, why = why_in_vain(self.go_to_request, self._last_view, self._views, self._failure_reason)
        note = "the memory has not answered" if self._awaits_memory else self.recall.note
        also = f"; and {note}" if note else ""
        waited = f"no goal for {self.go_to_request.describe()} in {self.go_to_request.timeout_s:g} s: "
        self.end(state, f"{waited}{why}{also}")

    @property
    def _awaits_memory(self) -> bool:
        return self.go_to_request.memory == Recollection.ONLY and self.recall.is_pending

    def _is_where_remembered(self, candidate: Candidate) -> bool:
        return self.recall.is_at(candidate, self._settings.same_place_m)

    def _is_time_for_memory(self, now_s: float) -> bool:
        if self.state == State.GONE:
            return True
        if self.goal is not None or not self.recall.has_more:
            return False
        live_s = min(self._settings.live_first_s, self.go_to_request.timeout_s)
        return self.go_to_request.memory == Recollection.ONLY or now_s - self._started_s >= live_s

    def _have_no_place(self) -> None:
        """Handle that no place of the memory is left to go to."""
        if self.state == State.GONE:
            self.end(State.NOT_THERE_ANY_MORE, f"{self.go_to_request.describe()}: {self.recall.describe_gone()}")
        else:
            self._note_no_place(State.NO_FREE_POSE)

    def _note_no_place(self, state: State) -> None:
        """Say why no place of the memory is gone to; the end where nothing else was asked for."""
        if self.go_to_request.memory == Recollection.ONLY:
            self.end(state, f"no goal for {self.go_to_request.describe()} by the memory alone: {self.recall.note}")
        elif self.state == State.SEARCHING:
            self.message = f"looking for {self.go_to_request.describe()}; {self.recall.note}"

    def _arrive(self, now_s: float) -> None:
        described = self.go_to_request.describe()
        if self.tracked is None and self.recall.current is not None:
            self._arrived_s, self._views_before = now_s, self._views
            self.state = State.VERIFYING
            self.message = f"looking whether {described} is still {self.recall.current.describe()}"
        else:
            self.end(State.REACHED, f"the robot stands in front of {described}{self._by_memory()}{self._unseen(now_s)}")

    def _verify(self, now_s: float) -> None:
        """Decide that the object is gone once it was looked for long enough, or that nobody could look."""
        verify_s, current = self._settings.verify_s, self.recall.current
        if self.state != State.VERIFYING or current is None or now_s - self._arrived_s <= verify_s:
            return
        described = self.go_to_request.describe()
        if self._failure_reason or self._views == self._views_before or self._last_view.placeless:
            _, why = why_in_vain(
                self.go_to_request, self._last_view, self._views - self._views_before, self._failure_reason
            )
            self.end(State.FAILED, f"whether {described} is still {current.describe()}, is not known: {why}")
        else:
            self.recall.note_gone()
            self.state, self.message = State.GONE, f"{described} is not {current.describe()}"
