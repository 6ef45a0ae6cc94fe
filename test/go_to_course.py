# SPDX-License-Identifier: Apache-2.0
"""A go-to task over a memory's places, by a clock of the test's own."""

from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.stand_off import NoFreePoseError, Pose, stand_off_pose
from talk2dino_ros.goal.task.choice import Candidate, GoToRequest, Recollection
from talk2dino_ros.goal.task.go_to_states import GoalChange, GoalView, State
from talk2dino_ros.goal.task.go_to_task import GoToTask
from talk2dino_ros.goal.task.recall import RecalledPlace

SETTINGS = GoalParameters(live_first_s=1.0, verify_s=3.0, same_place_m=0.5, reach_timeout_s=60.0, lost_timeout_s=2.0)
ROBOT = Pose(0.0, 0.0, 0.0)
HOUR_S = 3600.0
NOTHING = GoalView()


def recalled(
    x: float, y: float = 0.0, *, number: int = 7, age_s: float = HOUR_S, asked_s: float = 100.0
) -> RecalledPlace:
    return RecalledPlace(Candidate(number, 0.8, (x, y, 0.0), seen_ns=5, is_remembered=True), age_s, asked_s)


def seen(x: float, y: float = 0.0, *, number: int = 1, stamp: int = 1000) -> GoalView:
    return GoalView([Candidate(number, 0.9, (x, y, 0.0), seen_ns=stamp)], ids={number})


def place(candidate, toward, stand_off_m):
    return stand_off_pose(candidate.point, toward, stand_off_m)


def occupied(*_):
    raise NoFreePoseError("all is occupied")


class Course:
    """A go-to task that began to search at 100 s, one metre in front of what it finds."""

    def __init__(self, memory: Recollection = Recollection.ALSO, **changes) -> None:
        fields = {"words": "cup", "which": 0, "object_id": 0, "stand_off_m": 1.0, "timeout_s": 5.0, "memory": memory}
        self.task = GoToTask(GoToRequest(**(fields | changes)), SETTINGS)
        self.task.start_searching(100.0)
        self.changes: list[GoalChange] = []

    def step(self, now_s: float, view: GoalView | None = NOTHING, robot: Pose = ROBOT, where=place) -> State:
        """One round of the node's timer, with an image's objects where there is one."""
        changes = [self.task.update(view, lambda: robot, where, now_s)] if view is not None else []
        changes.append(self.task.recall.go_on(lambda: robot, where, now_s, int(now_s * 1e9)))
        self.task.tick(robot, now_s)
        self.changes += [change for change in changes if change != GoalChange.NONE]
        return self.task.state

    def at_the_place(self, places=None) -> Pose:
        """Drive to the first of the places and begin to look at 110 s; return where the robot stands."""
        self.task.recall.take([recalled(4.0)] if places is None else places, "")
        assert self.step(101.0) == State.REMEMBERED
        assert self.step(110.0, robot=self.task.goal) == State.VERIFYING
        return self.task.goal
