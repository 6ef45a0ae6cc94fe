# SPDX-License-Identifier: Apache-2.0
"""The goal node's messages and what they say: things, costmaps and poses, and nothing but conversion."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PointStamped, PoseStamped
from nav_msgs.msg import OccupancyGrid
from std_msgs.msg import Header
from talk2dino_msgs.msg import GoToState, Thing, ThingArray

from talk2dino_ros.goal.choice import Candidate, Wish
from talk2dino_ros.goal.errand import Errand, View
from talk2dino_ros.goal.grid import FARTHEST_M, Grid, GridError
from talk2dino_ros.goal.parameters import GoalParameters
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.tf.transforms import Transform, TransformError

# From a stamp in nanoseconds to the transform that holds then, from the things' frame to that of the goals.
TransformAt = Callable[[int], Transform]


def request_to_wish(request: Any, settings: GoalParameters) -> Wish:
    """Return what a go_to asks for, the parameters where it says 0; raise RequestError or VocabularyError."""
    return Wish(
        words=request.class_name,
        which=request.which,
        thing_id=request.id,
        stand_off_m=_exact(request.stand_off_m) or settings.stand_off_m,
        timeout_s=_exact(request.timeout_s) or settings.timeout_s,
        keep_looking=request.keep_looking,
        least_stand_off_m=settings.robot_radius_m,
    )


def _exact(value: float) -> float:
    """Return the number that was meant by a float32: 0.3 is a little less there."""
    return round(value, 6)


def stamp_to_ns(stamp: Time) -> int:
    """Return a stamp in nanoseconds."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


def ns_to_stamp(stamp_ns: int) -> Time:
    """Return nanoseconds as a stamp."""
    return Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)


def things_to_view(array: ThingArray, name: str, transform_at: TransformAt) -> View:
    """Return the things of a class, placed; each at the stamp of the image it was last seen in.

    One whose transform is not known leaves the others their places. Raises what `transform_at` raises where none of
    them has one, for a class that is not there never.
    """
    ours = [thing for thing in array.things if thing.class_name.casefold() == name.casefold()]
    confirmed = [thing for thing in ours if thing.state == Thing.CONFIRMED]
    return View(
        candidates=_those_placed([thing for thing in confirmed if _has_place(thing)], transform_at),
        ids=frozenset(thing.id for thing in ours),
        tentative=sum(thing.state == Thing.TENTATIVE for thing in ours),
        placeless=sum(not _has_place(thing) for thing in confirmed),
    )


def _those_placed(things: list[Thing], transform_at: TransformAt) -> list[Candidate]:
    placed, problem = [], None
    for thing in things:
        try:
            placed.append(_placed(thing, transform_at))
        except TransformError as error:
            problem = error
    if problem and not placed:
        raise problem
    return placed


def _has_place(thing: Thing) -> bool:
    position = thing.position
    return thing.has_position and all(abs(each) <= FARTHEST_M for each in (position.x, position.y, position.z))


def _placed(thing: Thing, transform_at: TransformAt) -> Candidate:
    seen_ns = stamp_to_ns(thing.last_seen)
    transform = transform_at(seen_ns)
    position = transform.apply(np.array([thing.position.x, thing.position.y, thing.position.z]))
    extent = np.abs([thing.extent.x, thing.extent.y, thing.extent.z])
    width = np.abs(transform.rotation) @ np.nan_to_num(extent, posinf=0.0)
    x, y, z = map(float, position)
    return Candidate(thing.id, thing.confidence, (x, y, z), float(max(width[0], width[1])) / 2, seen_ns)


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
    """Return where a frame is in the plane of another."""
    return Pose(float(transform.translation[0]), float(transform.translation[1]), transform.yaw)


def fill_answer(answer: Any, errand: Errand, frame_id: str) -> None:
    """Write what has become of an errand into a response or a result."""
    answer.state, answer.message = GoToState(value=errand.state.value), errand.message
    if errand.thing is None or errand.goal is None:
        return
    answer.id = errand.thing.id
    answer.goal = goal_message(errand, frame_id)
    answer.thing = PointStamped(header=Header(frame_id=frame_id, stamp=ns_to_stamp(errand.thing.seen_ns)))
    answer.thing.point.x, answer.thing.point.y, answer.thing.point.z = errand.thing.position


def goal_message(errand: Errand, frame_id: str) -> PoseStamped:
    """Return an errand's goal, under the stamp of the image that it was made from."""
    assert errand.goal is not None
    return pose_to_message(errand.goal, frame_id, errand.goal_ns)
