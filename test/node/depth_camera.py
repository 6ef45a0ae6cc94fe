# SPDX-License-Identifier: Apache-2.0
"""A camera with depth that stands still in the map, one test image at a time, and where it places what it sees."""

from contextlib import contextmanager

import numpy as np
from geometry_msgs.msg import TransformStamped
from probe import LATCHED, checkerboard, find, raw_message, stamp_ns
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from talk2dino_msgs.msg import PointOfInterestArray, TrackedObjectArray
from tf2_msgs.msg import TFMessage

HEIGHT, WIDTH, FOCAL = 120, 160, 100.0
CENTRE = ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
DEPTH_M = 2.5
PATIENT = ("depth_wait_s:=5.0", "transform_timeout_s:=5.0")  # as long as may be, for a busy machine
# The robot's camera: at (1, 2, 0.5) in map, looking along map's x axis.
PLACE, QUATERNION = (1.0, 2.0, 0.5), (-0.5, 0.5, -0.5, 0.5)
AXES = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # optical x, y, z in map


def to_map(point) -> np.ndarray:
    return AXES @ np.array(point) + PLACE


def transform(parent: str, child: str) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    for axis, value in zip("xyz", PLACE, strict=True):
        setattr(message.transform.translation, axis, value)
    for axis, value in zip("xyzw", QUATERNION, strict=True):
        setattr(message.transform.rotation, axis, value)
    return message


def info_message(header, focal: float = FOCAL) -> CameraInfo:
    info = CameraInfo(header=header, height=HEIGHT, width=WIDTH, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = [focal, 0.0, CENTRE[0], 0.0, focal, CENTRE[1], 0.0, 0.0, 1.0]
    return info


def depth_message(header, metres: np.ndarray) -> Image:
    """16UC1 for whole millimetres, 32FC1 for floats."""
    encoding = "16UC1" if metres.dtype == np.uint16 else "32FC1"
    header = Header(stamp=Time.from_msg(header.stamp).to_msg(), frame_id=header.frame_id)
    message = Image(header=header, height=metres.shape[0], width=metres.shape[1], encoding=encoding)
    message.step = metres.shape[1] * metres.itemsize
    message.data.frombytes(np.ascontiguousarray(metres).tobytes())
    return message


def flat(metres: float = DEPTH_M) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), metres, np.float32)


def attach(probe) -> None:
    """Give a probe the camera's publishers and what the node makes of its images; wait until the node listens."""
    node = probe.node
    probe.infos = node.create_publisher(CameraInfo, "camera_info", 10)
    probe.depths = node.create_publisher(Image, "depth", 10)
    probe.static = node.create_publisher(TFMessage, "/tf_static", LATCHED)
    probe.static.publish(TFMessage(transforms=[transform("map", "camera")]))
    probe.wait_until_active()
    probe.points = probe.collect(PointOfInterestArray, "talk2dino/points_of_interest")
    probe.objects = probe.collect(TrackedObjectArray, "talk2dino/objects")
    probe.masks = probe.collect(Image, "talk2dino/mask")
    for publisher in (probe.infos, probe.depths, probe.static):
        probe.wait_for(lambda publisher=publisher: publisher.get_subscription_count() > 0, "the node's subscriptions")
    probe.settle()


def see(probe, depth=None, *, focal: float = FOCAL, frame_id: str = "camera", offset_ns: int = 0, shift: int = 0):
    """Publish an image with its camera_info and depth; return its points of interest."""
    header = show(probe, frame_id, shift)
    probe.infos.publish(info_message(header, focal))
    if depth is not None:
        measured = depth_message(header, depth)
        stamp = measured.header.stamp
        stamp.sec, stamp.nanosec = divmod(stamp_ns(measured) + offset_ns, 10**9)
        probe.depths.publish(measured)
    return points_of(probe, header)


def show(probe, frame_id: str = "camera", shift: int = 0) -> Header:
    """Publish an image alone, moved to the right by `shift` pixels; return a copy of its header."""
    message = raw_message(np.roll(checkerboard(HEIGHT, WIDTH), shift, axis=1))
    message.header.stamp = probe.node.get_clock().now().to_msg()
    message.header.frame_id = frame_id
    probe._image_pub("").publish(message)
    return message.header


@contextmanager
def impatient(probe, *parameters: str):
    """Let the node wait for a moment alone, for what does not come."""
    for name in parameters:
        assert probe.set_parameter(name, 0.1).successful
    try:
        yield
    finally:
        for name in parameters:
            assert probe.set_parameter(name, 5.0).successful


def points_of(probe, header: Header):
    stamp = Time.from_msg(header.stamp).nanoseconds
    return probe.wait_for(lambda: find(probe.points, stamp), "the points of interest")


def reasons(points) -> set[str]:
    assert points.points
    assert not any(point.has_position for point in points.points)
    return {point.no_position_reason for point in points.points}
