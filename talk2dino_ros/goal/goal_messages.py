# SPDX-License-Identifier: Apache-2.0
"""Conversions of the goal node's messages: requests, objects, costmaps and poses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, PointStamped, PoseStamped
from nav_msgs.msg import OccupancyGrid
from std_msgs.msg import Header
from talk2dino_msgs.action import GoTo as GoToAction
from talk2dino_msgs.msg import GoToState, TrackedObject, TrackedObjectArray
from talk2dino_msgs.srv import Find

from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.grid import FARTHEST_M, Grid, GridError
from talk2dino_ros.goal.stand_off import Pose, distance_between
from talk2dino_ros.goal.task.choice import Candidate, GoToRequest
from talk2dino_ros.goal.task.go_to_states import GoalView
from talk2dino_ros.goal.task.go_to_task import GoToTask
from talk2dino_ros.goal.task.recall import RecalledPlace
from talk2dino_ros.ros.conversions.stamps import ns_to_stamp, stamp_to_ns
from talk2dino_ros.ros.tf.transforms import Transform, TransformError

# From a stamp in nanoseconds to the transform that holds then, from the objects' frame to that of the goals.
TransformAt = Callable[[int], Transform]


def read_go_to_request(request: Any, settings: GoalParameters) -> GoToRequest:
    """Return a go_to's request, with the parameters' values for 0; raise RequestError or VocabularyError."""
    return GoToRequest(
        words=request.class_name,
        which=request.which,
        object_id=request.id,
        stand_off_m=_exact(request.stand_off_m) or settings.stand_off_m,
        timeout_s=_exact(request.timeout_s) or settings.timeout_s,
        keep_looking=request.keep_looking,
        least_stand_off_m=settings.robot_radius_m,
        memory=request.memory,
    )


def _exact(value: float) -> float:
    """Return the number that was meant by a float32: 0.3 is a little less there."""
    return round(value, 6)


def objects_to_view(array: TrackedObjectArray, name: str, transform_at: TransformAt) -> GoalView:
    """Return the objects of a class with their positions; each at the stamp of the image it was last seen in.

    One whose transform is not known leaves the others their places. Raises what `transform_at` raises where none of
    them has one, for a class that is not there never.
    """
    ours = [tracked for tracked in array.objects if tracked.class_name.casefold() == name.casefold()]
    confirmed = [tracked for tracked in ours if tracked.state == TrackedObject.CONFIRMED]
    return GoalView(
        candidates=_those_placed([tracked for tracked in confirmed if _has_place(tracked)], transform_at),
        ids=frozenset(tracked.id for tracked in ours),
        tentative=sum(tracked.state == TrackedObject.TENTATIVE for tracked in ours),
        placeless=sum(not _has_place(tracked) for tracked in confirmed),
    )


def _those_placed(objects: list[TrackedObject], transform_at: TransformAt) -> list[Candidate]:
    placed, problem = [], None
    for tracked in objects:
        try:
            placed.append(_placed(tracked, transform_at))
        except TransformError as error:
            problem = error
    if problem and not placed:
        raise problem
    return placed


def _has_place(tracked: TrackedObject) -> bool:
    return tracked.has_position and _is_near(tracked.position)


def _is_near(position: Point) -> bool:
    return all(abs(each) <= FARTHEST_M for each in (position.x, position.y, position.z))


def _placed(tracked: TrackedObject, transform_at: TransformAt) -> Candidate:
    return _candidate(tracked, transform_at(stamp_to_ns(tracked.last_seen)))


def _candidate(seen: Any, transform: Transform, *, is_remembered: bool = False) -> Candidate:
    """Return a TrackedObject, or a RememberedPlace, in the frame of the goals."""
    position = transform.apply(np.array([seen.position.x, seen.position.y, seen.position.z]))
    extent = np.abs([seen.extent.x, seen.extent.y, seen.extent.z])
    width = np.abs(transform.rotation) @ np.nan_to_num(extent, posinf=0.0)
    x, y, z = map(float, position)
    radius_m = float(max(width[0], width[1])) / 2
    return Candidate(seen.id, seen.confidence, (x, y, z), radius_m, stamp_to_ns(seen.last_seen), is_remembered)


def places_to_recalled(answer: Find.Response, transform: Transform, now_ns: int, now_s: float) -> list[RecalledPlace]:
    """Return the places that the memory found, in the frame of the goals; those that are nowhere are left out.

    now_ns: the ROS clock's, from which their age is counted; now_s: the steady clock's.
    """
    candidates = [
        _candidate(place, transform, is_remembered=True) for place in answer.places if _is_near(place.position)
    ]
    return [RecalledPlace(each, max(0.0, (now_ns - each.seen_ns) / 1e9), now_s) for each in candidates]


def costmap_to_grid(costmap: OccupancyGrid) -> Grid:
    """Return the costmap's cells and pose; raise GridError where it contradicts itself."""
    info, values = costmap.info, np.frombuffer(costmap.data, np.int8)
    if len(values) != info.width * info.height:
        raise GridError(
            f"the costmap has {len(values)} values for {info.width} x {info.height} cells, expected "
            f"{info.width * info.height}; correct its publisher"
        )
    if not costmap.header.frame_id:
        raise GridError("the costmap has no frame_id, expected a frame that TF knows; correct its publisher")
    origin = info.origin
    quaternion = (origin.orientation.x, origin.orientation.y, origin.orientation.z, origin.orientation.w)
    length = math.hypot(*quaternion)
    if not (length > 0.0 and math.isfinite(length)):
        raise GridError(
            f"the costmap's orientation is {quaternion}, expected a quaternion of length 1; correct its publisher"
        )
    yaw = Transform.from_quaternion(quaternion, (0.0, 0.0, 0.0)).yaw
    cells = values.reshape(info.height, info.width)
    return Grid(cells, info.resolution, origin.position.x, origin.position.y, yaw, costmap.header.frame_id)


def pose_to_message(pose: Pose, frame_id: str, stamp_ns: int) -> PoseStamped:
    """Return a pose in the plane as a message."""
    message = PoseStamped(header=Header(frame_id=frame_id, stamp=ns_to_stamp(stamp_ns)))
    message.pose.position.x, message.pose.position.y = pose.x, pose.y
    message.pose.orientation.z, message.pose.orientation.w = math.sin(pose.yaw / 2), math.cos(pose.yaw / 2)
    return message


def transform_to_pose(transform: Transform) -> Pose:
    """Return a transform as a pose in the plane."""
    return Pose(float(transform.translation[0]), float(transform.translation[1]), transform.yaw)


def fill_answer(answer: Any, task: GoToTask, frame_id: str, now_s: float) -> None:
    """Fill a service response or action result from a go-to task."""
    answer.state, answer.message = GoToState(value=task.state.value), task.message
    answer.age_s = math.nan
    aim = task.aim
    if aim is None or task.goal is None:
        return
    answer.from_memory, answer.age_s = aim.is_remembered, task.unseen_s(now_s)
    answer.id, answer.place_id = (0, aim.id) if aim.is_remembered else (aim.id, 0)
    answer.goal = goal_message(task, frame_id)
    answer.position = PointStamped(header=Header(frame_id=frame_id, stamp=ns_to_stamp(aim.seen_ns)))
    answer.position.point.x, answer.position.point.y, answer.position.point.z = aim.position


def feedback_message(task: GoToTask, robot: Pose | None, frame_id: str, now_s: float) -> GoToAction.Feedback:
    """Return an action's feedback from a go-to task; robot: None where its pose is unknown."""
    feedback = GoToAction.Feedback(message=task.message, state=GoToState(value=task.state.value))
    feedback.distance_m = distance_between(robot, task.goal) if robot and task.goal else math.nan
    feedback.unseen_s = task.unseen_s(now_s)
    if task.goal:
        feedback.goal = goal_message(task, frame_id)
    if task.tracked:
        feedback.id = task.tracked.id
    return feedback


def goal_message(task: GoToTask, frame_id: str) -> PoseStamped:
    """Return a go-to task's goal as a message, with the stamp of its image; of a remembered place, with its moment."""
    assert task.goal is not None
    return pose_to_message(task.goal, frame_id, task.goal_ns)
