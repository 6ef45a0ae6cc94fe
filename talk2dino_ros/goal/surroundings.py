# SPDX-License-Identifier: Apache-2.0
"""World state of the goal node: robot pose by TF, objects waiting for their transform, costmap."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
from nav_msgs.msg import OccupancyGrid
from talk2dino_msgs.msg import TrackedObjectArray

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.goal.goal_messages import costmap_to_grid, objects_to_view, places_to_recalled, transform_to_pose
from talk2dino_ros.goal.grid import Grid, GridError, GridRules
from talk2dino_ros.goal.pose_age import PoseAge
from talk2dino_ros.goal.stand_off import FreeSpace, Pose, free_stand_off_pose, moved_pose, stand_off_pose
from talk2dino_ros.perception.space.clock_jump import is_jump_back
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns
from talk2dino_ros.ros.node.qos import LATCHED
from talk2dino_ros.ros.tf.open_transforms import open_transforms
from talk2dino_ros.ros.tf.transforms import TransformError

if TYPE_CHECKING:
    from collections.abc import Callable

    from talk2dino_msgs.srv import Find

    from talk2dino_ros.goal.goal_parameters import GoalParameters
    from talk2dino_ros.goal.task.choice import Candidate
    from talk2dino_ros.goal.task.go_to_states import GoalView
    from talk2dino_ros.goal.task.recall import RecalledPlace

MOST_WAITING = 100  # arrays: some seconds of them at any rate of images


class NoCostmapError(Talk2DinoError):
    """No usable costmap, although one is required."""


class Surroundings:
    """Robot pose, objects and costmap from the node's subscriptions.

    settings: returns the node's parameters; on_jump is called where the objects' stamps go back.
    """

    def __init__(self, node: Any, settings: Callable[[], GoalParameters], on_jump: Callable[[float], None]) -> None:
        self._node = node
        self._settings = settings
        self._on_jump = on_jump
        self._transforms = open_transforms(node)
        self._costmap: Grid | GridError | None = None
        self._costmap_sub = node.create_subscription(OccupancyGrid, "costmap", self._on_costmap, LATCHED)
        self._waiting: deque[tuple[float, TrackedObjectArray]] = deque(maxlen=MOST_WAITING)
        self._newest_ns = 0
        self._pose_age = PoseAge()

    def destroy(self) -> None:
        """Destroy the subscriptions."""
        self._node.destroy_subscription(self._costmap_sub)
        self._transforms.destroy()

    def robot(self) -> Pose:
        """Return the robot's current pose; raise TransformError where it is unknown or too old."""
        settings = self._settings()
        transform = self._transforms.lookup(settings.goal_frame, settings.base_frame, None)
        self._pose_age.check(transform.stamp_ns, self._newest_ns, self._robots_s())
        return transform_to_pose(transform)

    def _robots_s(self) -> float:
        """Return the time that passes for the robot, in seconds: a simulation may be slow, or stand still."""
        clock = self._node.get_clock()
        return clock.now().nanoseconds * 1e-9 if clock.ros_time_is_active else time.monotonic()

    def no_pose(self) -> str:
        """Return why the robot's pose is not known; "" where it is."""
        try:
            self.robot()
        except TransformError as error:
            return str(error)
        return ""

    def no_costmap(self) -> str:
        """Return why no costmap can be used though one is required or comes; "" where all is well."""
        try:
            self._usable_costmap()
        except NoCostmapError as error:
            return str(error)
        return ""

    def take(self, array: TrackedObjectArray) -> None:
        """Keep objects until they are asked for; older ones than the newest are dropped."""
        stamp_ns = stamp_to_ns(array.header.stamp)
        back_ns = self._newest_ns - stamp_ns
        if is_jump_back(self._newest_ns, stamp_ns):
            self._waiting.clear()
            self._transforms.clear()
            self._on_jump(back_ns / 1e9)
        elif back_ns > 0:
            return
        self._newest_ns = stamp_ns
        self._waiting.append((time.monotonic(), array))

    def newest_view(self, name: str) -> GoalView | None:
        """Return the newest objects of a class whose places are known, once; None where there are no new ones.

        Raises TransformError where one had to be dropped, as TF has not come to know its stamp in time.
        """
        reason: TransformError | None = None
        for index in reversed(range(len(self._waiting))):
            array = self._waiting[index][1]
            try:
                view = self._view(array, name)
            except TransformError as error:
                reason = reason or error
                continue
            for _ in range(index + 1):
                self._waiting.popleft()
            return view
        if self._drop_late() and reason:
            raise reason
        return None

    def forget_old(self, age_s: float) -> None:
        """Drop objects that arrived more than `age_s` ago."""
        while self._waiting and time.monotonic() - self._waiting[0][0] > age_s:
            self._waiting.popleft()

    def recalled(self, answer: Find.Response) -> list[RecalledPlace]:
        """Return the places of the memory's answer in the frame of the goals, best first.

        By the newest transform, as both frames are maps'. Raises TransformError.
        """
        if not answer.places:
            return []
        to_goals = self._transforms.lookup(self._settings().goal_frame, answer.header.frame_id, None)
        return places_to_recalled(answer, to_goals, self._node.get_clock().now().nanoseconds, time.monotonic())

    def place(self, candidate: Candidate, toward: Pose, stand_off_m: float) -> Pose:
        """Return the pose in front of an object, free where there is a costmap.

        Raises NoFreePoseError, NoCostmapError or TransformError.
        """
        settings, grid = self._settings(), self._usable_costmap()
        if grid is None:
            return stand_off_pose(candidate.point, toward, stand_off_m)
        stamp_ns = None if candidate.is_remembered else candidate.seen_ns
        to_grid = self._transforms.lookup(grid.frame_id, settings.goal_frame, stamp_ns)
        tracked = to_grid.apply(np.array(candidate.position))
        free = free_stand_off_pose(
            (float(tracked[0]), float(tracked[1])),
            candidate.radius_m,
            moved_pose(toward, to_grid),
            stand_off_m,
            FreeSpace(grid, rules_of(settings), settings.search_radius_m, settings.sight_margin_m),
        )
        return moved_pose(free, to_grid.inverse())

    def _usable_costmap(self) -> Grid | None:
        if isinstance(self._costmap, GridError):
            raise NoCostmapError(str(self._costmap))
        if self._costmap is None and self._settings().require_costmap:
            raise NoCostmapError(
                f"no costmap has come on {self._costmap_sub.topic_name}, and require_costmap is true; remap the topic, "
                "or set require_costmap to false"
            )
        return self._costmap

    def _view(self, array: TrackedObjectArray, name: str) -> GoalView:
        goal_frame = self._settings().goal_frame
        return objects_to_view(
            array, name, lambda stamp_ns: self._transforms.lookup(goal_frame, array.header.frame_id, stamp_ns)
        )

    def _drop_late(self) -> bool:
        before = len(self._waiting)
        self.forget_old(self._settings().transform_timeout_s)
        return len(self._waiting) < before

    def _on_costmap(self, costmap: OccupancyGrid) -> None:
        try:
            self._costmap = costmap_to_grid(costmap)
        except GridError as error:
            self._node.get_logger().warning(f"a message on {self._costmap_sub.topic_name} was dropped: {error}")
            if not isinstance(self._costmap, Grid):
                self._costmap = error


def rules_of(settings: GoalParameters) -> GridRules:
    """Return the grid's rules from the parameters."""
    return GridRules(
        occupied_from=settings.occupied_from,
        opaque_from=settings.opaque_from,
        unknown_is_free=settings.unknown_is_free,
        robot_radius_m=settings.robot_radius_m,
    )
