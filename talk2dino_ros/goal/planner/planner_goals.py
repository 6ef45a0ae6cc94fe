# SPDX-License-Identifier: Apache-2.0
"""Which of the goals at the planner is ours, and what has become of it, by the statuses of its action.

A status names a goal by an id alone, and a goal on goal_pose gets its id from the planner. So whose a goal is follows
from the order: what the planner takes after a goal was sent is that one, and what it takes while none is on its way is
another client's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

TAKEN_WITHIN_S = 10.0  # a planner that is there and active takes a goal within milliseconds


class GoalFate(Enum):
    """What the planner has made of the last goal that was sent, as far as it has told."""

    UNKNOWN = auto()  # or under way
    DONE = auto()  # reached, as the planner sees it
    GIVEN_UP = auto()
    CANCELLED = auto()
    REPLACED = auto()  # by another client's goal
    NOT_TAKEN = auto()
    VANISHED = auto()  # the planner has ended, or knows nothing of it any more


class Stage(Enum):
    """How far a goal is at the planner."""

    UNDER_WAY = auto()
    DONE = auto()
    GIVEN_UP = auto()
    CANCELLED = auto()


FATES = {
    Stage.UNDER_WAY: GoalFate.UNKNOWN,
    Stage.DONE: GoalFate.DONE,
    Stage.GIVEN_UP: GoalFate.GIVEN_UP,
    Stage.CANCELLED: GoalFate.CANCELLED,
}


@dataclass(frozen=True)
class TakenGoal:
    """A goal that the planner has taken: its id, how far it is, and when it was taken, by the planner's clock."""

    key: bytes
    stage: Stage
    taken_ns: int


@dataclass
class _SentGoal:
    sent_s: float
    to_planner: bool  # which was there
    is_wanted: bool = True


class PlannerGoals:
    """The goals at one planner. Times are those of a steady clock.

    key: the id of the last goal that was sent; None where the planner has not taken it, or it was let go.
    """

    def __init__(self) -> None:
        self.key: bytes | None = None
        self._sent: deque[_SentGoal] = deque()  # those that the planner has not taken yet
        self._stages: dict[bytes, Stage] | None = None  # None: the planner has not told anything
        self._own: set[bytes] = set()  # the goals of this node
        self._others: set[bytes] = set()  # other clients' goals that were taken after `key`
        self._stage = Stage.UNDER_WAY  # of `key`, the last that was told
        self._is_replaced = False
        self._has_vanished = False

    def send(self, now_s: float, *, is_planner_there: bool) -> None:
        """Note that a goal is sent, which is the one that counts from now on."""
        self._forget_refused(now_s)
        self._sent.append(_SentGoal(now_s, is_planner_there))
        self.key = None

    def take(self, goals: Sequence[TakenGoal], now_s: float) -> list[bytes]:
        """Take the statuses of all goals; return the ids of those to be cancelled, as they were let go before."""
        unwanted = []
        self._forget_refused(now_s)
        for goal in self._new(goals):
            if not self._sent:
                self._others.add(goal.key)
                continue
            self._own.add(goal.key)
            # one before may have been refused, so that this may be any of those on their way
            is_wanted = any(sent.is_wanted for sent in self._sent)
            self._sent.popleft()
            if is_wanted:
                self._begin(goal.key)
            else:
                unwanted.append(goal.key)
        self._stages = {goal.key: goal.stage for goal in goals}
        self._own &= self._stages.keys()  # the others have expired
        self._others &= self._stages.keys()
        self._follow()
        return unwanted

    def let_go(self, *, is_reached: bool) -> list[bytes]:
        """Follow the last goal no more; return the ids of those to be cancelled, none where it is all but reached."""
        for sent in self._sent:
            sent.is_wanted = False
        self.key = None
        own, self._own = self._own, set()
        return [] if is_reached else [key for key in own if self._is_under_way(key)]

    def fate(self, now_s: float, *, is_planner_there: bool) -> GoalFate:
        """Return what has become of the last goal; is_planner_there: the one that was there as it was sent, if any."""
        if self.key is None:
            last = self._sent[-1] if self._sent else None
            if last is None or not last.is_wanted:
                return GoalFate.UNKNOWN
            if not is_planner_there:
                return GoalFate.VANISHED if last.to_planner else GoalFate.UNKNOWN
            return GoalFate.NOT_TAKEN if now_s - last.sent_s > TAKEN_WITHIN_S else GoalFate.UNKNOWN
        if self._stage == Stage.UNDER_WAY and (self._has_vanished or not is_planner_there):
            return GoalFate.VANISHED
        return GoalFate.REPLACED if self._is_replaced else FATES[self._stage]

    def _forget_refused(self, now_s: float) -> None:
        while len(self._sent) > 1 and now_s - self._sent[0].sent_s > TAKEN_WITHIN_S:
            self._sent.popleft()

    def _new(self, goals: Sequence[TakenGoal]) -> list[TakenGoal]:
        """Return the goals that were not known, in the order in which they were taken."""
        if self._stages is None:  # what has ended before the planner was heard first is none that was sent just now
            found = [goal for goal in goals if goal.stage == Stage.UNDER_WAY]
        else:
            found = [goal for goal in goals if goal.key not in self._stages]
        return sorted(found, key=lambda goal: goal.taken_ns)  # of one moment as told: simulated time may stand

    def _begin(self, key: bytes) -> None:
        self.key, self._stage = key, Stage.UNDER_WAY
        self._is_replaced = self._has_vanished = False
        self._others.clear()

    def _follow(self) -> None:
        """Look what has become of the last goal."""
        if self.key is None or self._stages is None:
            return
        before, self._stage = self._stage, self._stages.get(self.key, self._stage)
        self._has_vanished |= self.key not in self._stages and before == Stage.UNDER_WAY
        # a goal is given up for another one in the moment in which that begins; one that is done may be left later
        is_left = self._stage == Stage.DONE or (self._stage == Stage.GIVEN_UP and before == Stage.UNDER_WAY)
        self._is_replaced |= is_left and any(map(self._is_under_way, self._others))

    def _is_under_way(self, key: bytes) -> bool:
        return (self._stages or {}).get(key) == Stage.UNDER_WAY
