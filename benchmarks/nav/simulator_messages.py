# SPDX-License-Identifier: Apache-2.0
"""Convert the simulator's state to messages."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import Point, PoseStamped, Quaternion, Transform, TransformStamped, Vector3
from geometry_msgs.msg import Pose as PoseMsg
from geometry_msgs.msg import Twist as TwistMsg
from nav_msgs.msg import MapMetaData, OccupancyGrid, Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from benchmarks.nav.drive import Twist
from benchmarks.nav.sim_world import CAMERA_AHEAD_M, CAMERA_HEIGHT_M, IMAGE_HEIGHT, IMAGE_WIDTH, focal_length
from talk2dino_ros.goal.grid import Grid
from talk2dino_ros.goal.stand_off import Pose

MAP, ODOM, BASE, CAMERA = "map", "odom", "base_link", "camera_color_optical_frame"
# base_link looks along x with z up, an optical frame along z with y down (REP 103)
OPTICAL = Quaternion(x=-0.5, y=0.5, z=-0.5, w=0.5)


def quaternion(yaw: float) -> Quaternion:
    """Return the turn about z."""
    return Quaternion(z=math.sin(yaw / 2), w=math.cos(yaw / 2))


def yaw_of(turn: Quaternion) -> float:
    """Return the turn about z in radians."""
    return math.atan2(2 * (turn.w * turn.z + turn.x * turn.y), 1 - 2 * (turn.y**2 + turn.z**2))


def pose_to_msg(pose: Pose) -> PoseMsg:
    """Make a pose on the floor."""
    return PoseMsg(position=Point(x=pose.x, y=pose.y), orientation=quaternion(pose.yaw))


def msg_to_pose(msg: PoseMsg) -> Pose:
    """Return the pose on the floor."""
    return Pose(msg.position.x, msg.position.y, yaw_of(msg.orientation))


def pose_stamped(pose: Pose, header: Header) -> PoseStamped:
    """Make a pose on the floor of the header's frame."""
    return PoseStamped(header=header, pose=pose_to_msg(pose))


def transforms(stamp: object, frames: Sequence[tuple[str, str, Pose]]) -> TFMessage:
    """Make transforms of (parent, child, where the child is in the parent)."""
    return TFMessage(
        transforms=[
            TransformStamped(
                header=Header(stamp=stamp, frame_id=parent),
                child_frame_id=child,
                transform=Transform(translation=Vector3(x=pose.x, y=pose.y), rotation=quaternion(pose.yaw)),
            )
            for parent, child, pose in frames
        ]
    )


def camera_mount() -> TFMessage:
    """Make the static transform of the camera on the robot."""
    place = Transform(translation=Vector3(x=CAMERA_AHEAD_M, z=CAMERA_HEIGHT_M), rotation=OPTICAL)
    return TFMessage(
        transforms=[TransformStamped(header=Header(frame_id=BASE), child_frame_id=CAMERA, transform=place)]
    )


def odometry(pose: Pose, twist: Twist, stamp: object) -> Odometry:
    """Make the odometry message."""
    message = Odometry(header=Header(stamp=stamp, frame_id=ODOM), child_frame_id=BASE)
    message.pose.pose = pose_to_msg(pose)
    message.twist.twist = twist_to_msg(twist)
    return message


def twist_to_msg(twist: Twist) -> TwistMsg:
    """Make the speeds' message."""
    return TwistMsg(linear=Vector3(x=twist.forwards), angular=Vector3(z=twist.turning))


def camera_info(header: Header) -> CameraInfo:
    """Make the intrinsics of the rendered images, which have no distortion; pixel (0, 0) is the first one's middle."""
    focal, centre_x, centre_y = focal_length(), (IMAGE_WIDTH - 1) / 2, (IMAGE_HEIGHT - 1) / 2
    k = [focal, 0.0, centre_x, 0.0, focal, centre_y, 0.0, 0.0, 1.0]
    return CameraInfo(
        header=header,
        width=IMAGE_WIDTH,
        height=IMAGE_HEIGHT,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=k,
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0],
    )


def depth_to_image(metres: NDArray[np.float32], header: Header) -> Image:
    """Make a 32FC1 image."""
    height, width = metres.shape
    image = Image(header=header, height=height, width=width, encoding="32FC1", step=4 * width)
    image.data.frombytes(np.ascontiguousarray(metres).data.cast("B"))
    return image


def grid_to_msg(grid: Grid, stamp: object) -> OccupancyGrid:
    """Make the map's message."""
    rows, columns = grid.values.shape
    info = MapMetaData(map_load_time=stamp, resolution=grid.resolution_m, width=columns, height=rows)
    info.origin = pose_to_msg(Pose(grid.x, grid.y, grid.yaw))
    message = OccupancyGrid(header=Header(stamp=stamp, frame_id=grid.frame_id), info=info)
    message.data.frombytes(np.ascontiguousarray(grid.values).data.cast("B"))
    return message
