# SPDX-License-Identifier: Apache-2.0
"""One go_to from its start to its end: searching, seen, lost, reached. recall.py has the way over the memory's places.

Pure: time and poses are arguments.

Waiting is measured on a steady clock (`now_s`), so that a simulation which pauses, or a bag which loops, neither
ends a go-to task nor keeps it for ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.stand_off import NoFreePoseError, Pose, angle_between, distance_between, is_within
from talk2dino_ros.goal.task.choice import Candidate, GoToRequest, Which, ranked
from talk2dino_ros.goal.task.go_to_states import GoalChange, GoalView, GoToProgress, Place, State
from talk2dino_ros.goal.task.recall import Recall

NOT_REACHED = (
    "the robot has not reached the goal within {waited_s:g} s, expected it to drive there; look whether the planner "
    "takes goal_pose, or raise reach_timeout_s"
)

STOPPED_SHORT = (
    "the planner says that the goal is reached, but the robot stands {off_m:.2f} m and {off_rad:.2f} rad off, expected "
    "within xy_tolerance_m ({xy_m:g}) and yaw_tolerance_rad ({yaw_rad:g}); raise these above the planner's tolerances"
)
SETTLING_S = 2.0  # for a pose by TF that comes later than the planner's word


class GoToTask(GoToProgress):
    """State machine of one go_to; call `update`, `recall.go_on` and `tick` until `is_ended`."""

    def __init__(self, go_to_request: GoToRequest, settings: GoalParameters) -> None:
        super().__init__(go_to_request)
        self.tracked: Candidate | None = None
        self.recall = Recall(self, settings)
        self._settings = settings
        self._seen_s = math.nan
        self._stopped_s = math.nan  # when the planner said that the goal is reached; NaN: it has not
        self._is_sent_again = False  # the goal, as the planner ended its way elsewhere
        self._is_forgotten = False
        self._turned = ""  # why the tracked one is another than at first
        self._known_ids: Collection[int] = ()  # of the objects when the tracked one was seen last
        self._occupied: dict[int, str] = {}  # why the candidates by these ids have no free pose

    @property
    def is_searching(self) -> bool:
        """Whether to pass objects to `update`: the class is in the vocabulary and the task has not ended."""
        return self.started_s < math.inf and not self.is_ended

    def start_searching(self, now_s: float) -> None:
        """Start the time to find the object, as the class is in the vocabulary now."""
        self.started_s = now_s

    @property
    def aim(self) -> Candidate | None:
        """The object that is gone to, or while none is seen the remembered place; None where there is neither."""
        return self.tracked or (self.recall.current.candidate if self.recall.current else None)

    def set_failure_reason(self, reason: str) -> None:
        """Note why there is no goal although the object is seen: the reason of the failure when time is up."""
        self.failure_reason = reason
        if self.state == State.SEARCHING:
            self.message = reason

    def forget(self, reason: str) -> None:
        """Handle a clock that went back: trust no object id any more; the last goal stands."""
        self._is_forgotten = True
        if self.state == State.SEEN and self.go_to_request.keep_looking:
            self.enter(State.LOST, reason)

    def unseen_s(self, now_s: float) -> float:
        """Return the seconds since the object was seen, by the memory where not since; NaN where it never was."""
        if self.tracked is None and self.recall.current is not None:
            return self.recall.current.unseen_s(now_s)
        return now_s - self._seen_s

    def update(self, view: GoalView, robot_now: Callable[[], Pose], place: Place, now_s: float) -> GoalChange:
        """Process the objects of one image; return what to publish.

        What `robot_now` and `place` raise is passed on; the caller gives the reason to `set_failure_reason`.
        """
        self.take_view(view)
        if self.is_ended or not view.candidates or self.recall.is_awaited:
            return GoalChange.NONE
        robot = robot_now()
        if self.tracked is None:
            candidates = ranked(self._sure(view.candidates), self.go_to_request, robot)
            # what is where it was remembered is known by two ways
            candidates.sort(key=lambda candidate: not self.recall.is_at(candidate))
            return self._first_goal(candidates, robot, place, now_s)
        candidate = self._same(view, robot)
        if candidate is not None and not self._is_old(candidate):
            return self._follow(candidate, place, now_s)
        other = self._instead(view, robot, now_s) if self.go_to_request.keep_looking else None
        return self._turn_to(other, robot, place, now_s) if other else GoalChange.NONE

    def tick(self, robot: Pose | None, now_s: float) -> None:
        """Check the time and the robot's pose; robot: None where its pose is unknown."""
        if self.is_ended:
            return
        if self.goal is None:
            if now_s - self.started_s > self.go_to_request.timeout_s:
                self._end_in_vain()
            return
        if self.state == State.VERIFYING:
            self.recall.verify(now_s)
        elif self.recall.is_leaving and self.tracked is None:
            self.recall.give_up_leaving(now_s)
        elif robot and is_within(robot, self.goal, self._settings.xy_tolerance_m, self._settings.yaw_tolerance_rad):
            self._arrive(now_s)
        elif now_s - self.moved_s > self._settings.reach_timeout_s:
            self.give_up_goal(NOT_REACHED.format(waited_s=self._settings.reach_timeout_s), now_s)
        elif (
            self.tracked is not None
            and self.go_to_request.keep_looking
            and self.unseen_s(now_s) > self._settings.lost_timeout_s
        ):
            self._be_lost(now_s)

    @property
    def is_driven(self) -> bool:
        """Whether the robot is on its way to the goal."""
        return not self.is_ended and self.goal is not None and self.state in (State.SEEN, State.LOST, State.REMEMBERED)

    def give_up_goal(self, reason: str, now_s: float) -> None:
        """Leave the goal, which the robot does not reach: for the memory's next place, or for good."""
        if self.tracked is None and self.recall.current is not None:
            self.recall.leave_unreached(reason, now_s)
        else:
            unseen = self._unseen(now_s) if self.go_to_request.keep_looking else ""
            self.end(State.FAILED, f"{reason}; {self.go_to_request.describe()} {unseen}" if unseen else reason)

    def stop_short(self, robot: Pose, now_s: float, now_ns: int) -> GoalChange:
        """Handle that the planner has ended its way to the goal, where the robot is not; return what to publish.

        The planner is sent the goal once more: it may not have followed one that moved, or have taken it while it
        reached the one before, which Nav2 then tells of both. now_ns: the goal's stamp.
        """
        assert self.goal is not None
        if not self._is_sent_again:
            self._is_sent_again, self.goal_ns = True, now_ns
            return GoalChange.FIRST
        if math.isnan(self._stopped_s):
            self._stopped_s = now_s
        if now_s - self._stopped_s > SETTLING_S:
            off = {"off_m": distance_between(robot, self.goal), "off_rad": angle_between(robot.yaw, self.goal.yaw)}
            within = {"xy_m": self._settings.xy_tolerance_m, "yaw_rad": self._settings.yaw_tolerance_rad}
            self.give_up_goal(STOPPED_SHORT.format(**off, **within), now_s)
        return GoalChange.NONE

    def set_goal(self, goal: Pose, now_s: float, goal_ns: int) -> None:
        """Make a pose the goal, from now on."""
        super().set_goal(goal, now_s, goal_ns)
        self._stopped_s, self._is_sent_again = math.nan, False

    def _first_goal(self, candidates: Sequence[Candidate], robot: Pose, place: Place, now_s: float) -> GoalChange:
        """Go to the best candidate that has a free place in front of it; one is tried for each image, see Recall."""
        candidate = next((each for each in candidates if each.id not in self._occupied), None)
        if candidate is None:
            return GoalChange.NONE
        is_there = self.goal is not None and self.recall.is_at(candidate)
        try:
            # on the side of the goal before where it is the same object, as the robot is on the way there
            goal = place(candidate, self.goal if self.goal and is_there else robot, self.go_to_request.stand_off_m)
        except NoFreePoseError as error:
            if is_there:
                self._see(candidate, now_s)
                self.message = f"{self.message}, and the previous goal stands, because {error}"
            else:
                self._leave_out(candidate, candidates, str(error))
            return GoalChange.NONE
        self._see(candidate, now_s)
        if is_there and not self._is_elsewhere(goal):
            return GoalChange.NONE
        self.set_goal(goal, now_s, candidate.seen_ns)
        return GoalChange.FIRST

    def _leave_out(self, candidate: Candidate, candidates: Sequence[Candidate], reason: str) -> None:
        """Leave a candidate without a free pose to the next ones; the end after all, unless a place is gone to."""
        self._occupied[candidate.id] = reason
        if any(each.id not in self._occupied for each in candidates):
            return
        if self.goal is None:
            reason = self._occupied[candidates[0].id]
            self.end(State.NO_FREE_POSE, f"{self.go_to_request.describe()} is seen, but {reason}")
        self._occupied.clear()  # and from the first again: the robot sees more of the costmap on its way

    def _same(self, view: GoalView, robot: Pose) -> Candidate | None:
        """Return the object that is gone to; the best one where no id can be trusted."""
        assert self.tracked is not None
        if self._is_forgotten:
            return next(iter(ranked(self._sure(view.candidates), self.go_to_request, robot)), None)
        return next((candidate for candidate in view.candidates if candidate.id == self.tracked.id), None)

    def _instead(self, view: GoalView, robot: Pose, now_s: float) -> Candidate | None:
        """Return the best object to go to instead of one that is not seen any more; None: it is waited for.

        What has come to be known since it was seen last may be the same, carried elsewhere: it is gone to as soon as
        the object is lost. What was there beside it is another, for which it is left when it would soon be given up,
        or when the segmenter knows it no more.
        """
        assert self.tracked is not None
        lost_s, unseen_s = self._settings.lost_timeout_s, self.unseen_s(now_s)
        others = [each for each in self._sure(view.candidates) if each.id != self.tracked.id]
        if self.tracked.id in view.ids and unseen_s <= max(lost_s, self._settings.give_up_s - lost_s):
            others = [each for each in others if unseen_s > lost_s and each.id not in self._known_ids]
        return next(iter(ranked(others, self.go_to_request, robot)), None)

    def _sure(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates that a robot may be sent to: the sure ones, and what is where it was remembered."""
        least = 0.0 if self.go_to_request.which == Which.BY_ID else self._settings.min_confidence
        sure = [each for each in candidates if each.confidence >= least or self.recall.is_at(each)]
        if candidates and not sure:
            best = max(each.confidence for each in candidates)
            self.doubt = f"{len(candidates)} seen, with a confidence of {best:.2f} at most, below min_confidence"
        return sure

    def _is_old(self, candidate: Candidate) -> bool:
        assert self.tracked is not None
        return not self._is_forgotten and candidate.id == self.tracked.id and candidate.seen_ns <= self.tracked.seen_ns

    def _follow(self, candidate: Candidate, place: Place, now_s: float) -> GoalChange:
        assert self.goal is not None
        settings = self._settings
        self._see(candidate, now_s)
        if not self.go_to_request.keep_looking:
            return GoalChange.NONE
        try:
            # on the side of the last goal, so that the robot's way does not move it
            goal = place(candidate, self.goal, self.go_to_request.stand_off_m)
        except NoFreePoseError as error:
            self.message = f"{self.go_to_request.describe()} is seen, but the previous goal stands, because {error}"
            return GoalChange.NONE
        if not self._is_elsewhere(goal) or now_s - self.moved_s < 1.0 / settings.goal_update_rate_hz:
            return GoalChange.NONE
        self.set_goal(goal, now_s, candidate.seen_ns)
        return GoalChange.MOVED

    def _turn_to(self, other: Candidate, robot: Pose, place: Place, now_s: float) -> GoalChange:
        """Go to another object than so far, from where the robot is, and say so."""
        assert self.tracked is not None
        before, unseen_s = self.tracked.id, self.unseen_s(now_s)
        try:
            goal = place(other, robot, self.go_to_request.stand_off_m)
        except NoFreePoseError as error:
            self.failure_reason = f"object {other.id} is seen, but {error}"
            return GoalChange.NONE
        self._turned = f", instead of object {before}, which had not been seen for {unseen_s:.1f} s"
        self._see(other, now_s)
        if not self._is_elsewhere(goal):
            return GoalChange.NONE
        self.set_goal(goal, now_s, other.seen_ns)
        return GoalChange.FIRST

    def _is_elsewhere(self, goal: Pose) -> bool:
        assert self.goal is not None
        return not is_within(goal, self.goal, self._settings.goal_tolerance_m, self._settings.goal_tolerance_rad)

    def _see(self, candidate: Candidate, now_s: float) -> None:
        self.tracked, self._seen_s, self._is_forgotten = candidate, now_s, False
        self._known_ids = self.last_view.ids
        by_memory = self.recall.compare(candidate)
        self.enter(
            State.SEEN, f"{self.go_to_request.describe()} is seen (object {candidate.id}){by_memory}{self._turned}"
        )

    def _be_lost(self, now_s: float) -> None:
        unseen_s = self.unseen_s(now_s)
        why = f" ({self.failure_reason})" if self.failure_reason else ""
        sentence = (
            f"{self.go_to_request.describe()} has not been seen for {unseen_s:.1f} s{why}, and the last goal stands"
        )
        self.enter(State.LOST, sentence)
        if unseen_s > self._settings.give_up_s:
            self.end(State.LOST, f"{sentence}; it is given up, look elsewhere or raise give_up_s")

    def _unseen(self, now_s: float) -> str:
        unseen_s = self.unseen_s(now_s)
        is_long = unseen_s > self._settings.lost_timeout_s
        return f"has not been seen for {unseen_s:.1f} s" if is_long else ""

    def _end_in_vain(self) -> None:
        state, why = self.why_in_vain()
        note = "the memory has not answered" if self.recall.is_awaited else self.recall.note
        also = f"; and {note}" if note else ""
        waited = f"no goal for {self.go_to_request.describe()} in {self.go_to_request.timeout_s:g} s: "
        self.end(state, f"{waited}{why}{also}")

    def _arrive(self, now_s: float) -> None:
        if self.tracked is None and self.recall.current is not None:
            self.recall.arrive(now_s)
            return
        by_memory = self.recall.compare(self.tracked) if self.tracked else ""
        which = f", which {unseen}" if (unseen := self._unseen(now_s)) else ""
        self.end(State.REACHED, f"the robot stands in front of {self.go_to_request.describe()}{by_memory}{which}")
