# SPDX-License-Identifier: Apache-2.0
"""Conversions of the memory's messages: patch features in; places, markers, heat and views out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Pose, PoseArray, PoseStamped, Quaternion, Vector3
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, PointCloud2, PointField, RegionOfInterest
from std_msgs.msg import ColorRGBA, Header
from talk2dino_msgs.msg import RememberedPlace
from visualization_msgs.msg import Marker, MarkerArray

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.perception.memory.disk.keyframe_store import FeatureKind
from talk2dino_ros.perception.memory.image_gate import RejectedImageError
from talk2dino_ros.perception.memory.keyframe import Keyframe
from talk2dino_ros.perception.memory.place_finder import FoundPlace
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.memory.spatial_memory import KeyframeReach, SeenImage
from talk2dino_ros.ros.conversions.picture_header import size_in_header
from talk2dino_ros.ros.conversions.stamps import ns_to_stamp, stamp_to_ns

MOST_PATCHES, MOST_DIMENSIONS = 1 << 16, 1 << 13  # a message may declare more than there is memory for
VALUES: dict[str, np.dtype[Any]] = {"fp16": np.dtype("<f2"), "int8": np.dtype("i1")}
HEAT_FIELDS = [
    PointField(name=name, offset=4 * number, datatype=PointField.FLOAT32, count=1)
    for number, name in enumerate(("x", "y", "z", "score"))
]


def kind_of_features(msg: Any) -> FeatureKind:
    """Return what kind of features a PatchFeatures has."""
    return FeatureKind(msg.feature_space, msg.model, int(msg.dimensions), msg.target_frame)


def pose_to_sensor_pose(pose: Pose) -> SensorPose:
    """Return a geometry_msgs/Pose; raise PoseError where it is none."""
    at, turn = pose.position, pose.orientation
    return SensorPose((at.x, at.y, at.z), (turn.x, turn.y, turn.z, turn.w))


def sensor_pose_to_msg(pose: SensorPose) -> Pose:
    """Return a SensorPose as geometry_msgs/Pose."""
    x, y, z, w = pose.orientation
    return Pose(position=_point(pose.position), orientation=Quaternion(x=x, y=y, z=z, w=w))


def check_position(msg: Any) -> None:
    """Raise RejectedImageError where a PatchFeatures does not say where its patches are."""
    if not msg.target_frame:
        reason = msg.no_position_reason or "the segmenter says nothing about it"
        raise RejectedImageError(
            "no position",
            f"it is not known where the image was taken ({reason}), expected depth and TF; look at the segmenter's log",
        )


def to_seen_image(msg: Any, camera: str, pose: SensorPose) -> SeenImage:
    """Return a PatchFeatures as the memory takes it, its patches in pixels of its picture.

    Raises ImageError where its arrays do not fit together.
    """
    count = msg.height * msg.width
    features = _features(msg, count)
    points = _array(msg.points, np.float32, count, 3, "points")
    centres = _array(msg.centres, np.float32, count, 2, "centres")
    scale_x, scale_y = _picture_scale(msg)
    with np.errstate(invalid="ignore"):
        points = np.where(np.isfinite(centres).all(axis=1, keepdims=True), points, np.nan)
    return SeenImage(
        stamp_to_ns(msg.header.stamp),
        camera,
        pose,
        features,
        points,
        np.nan_to_num(centres) * (scale_x, scale_y),
        (msg.patch_height * scale_y, msg.patch_width * scale_x),
        bytes(msg.jpeg),
    )


def _features(msg: Any, count: int) -> NDArray[np.float32]:
    if msg.encoding not in VALUES:
        raise ImageError(f"the encoding is {msg.encoding!r}, expected {' or '.join(VALUES)}; correct the publisher")
    if not (0 < count <= MOST_PATCHES and 0 < msg.dimensions <= MOST_DIMENSIONS):
        raise ImageError(
            f"the features are {msg.height}x{msg.width} patches of {msg.dimensions} dimensions, expected 1 to "
            f"{MOST_PATCHES} patches of 1 to {MOST_DIMENSIONS}; correct the publisher"
        )
    values = VALUES[msg.encoding]
    size = count * msg.dimensions * values.itemsize
    if len(msg.data) != size:
        raise ImageError(f"the features have {len(msg.data)} bytes, expected {size}; correct the publisher")
    features: NDArray[np.float32] = np.frombuffer(bytes(msg.data), values).reshape(count, -1).astype(np.float32)
    if msg.encoding == "int8":
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite has no direction, and is left out
            features *= _array(msg.scales, np.float32, count, 1, "scales")
    return features


def _array(values: Any, dtype: Any, rows: int, columns: int, name: str) -> NDArray[Any]:
    array = np.asarray(values, dtype)
    if array.size != rows * columns:
        raise ImageError(
            f"{name} has {counted(array.size, 'number')}, expected {rows * columns}; correct the publisher"
        )
    return array.reshape(rows, columns)


def _picture_scale(msg: Any) -> tuple[float, float]:
    """Return the picture's size as a share of the image's: (x, y)."""
    if not msg.image_width or not msg.image_height:
        raise ImageError(
            f"the image is {msg.image_width}x{msg.image_height} pixels, expected its size; correct the publisher"
        )
    width, height = size_in_header(bytes(msg.jpeg)) or (msg.image_width, msg.image_height)
    return width / msg.image_width, height / msg.image_height


def place_to_msg(number: int, place: FoundPlace, name: str, view: KeyframeReach | None) -> RememberedPlace:
    """Make the message of a place; view: of the keyframe that shows it best, where it is kept."""
    msg = RememberedPlace(
        id=number,
        class_name=name,
        score=place.score,
        margin=place.margin,
        confidence=place.confidence,
        evidence=place.evidence,
        position=_point(place.position),
        extent=Vector3(**dict(zip("xyz", place.extent, strict=True))),
        position_covariance=place.covariance,
        voxels=len(place.keys),
        first_seen=ns_to_stamp(place.first_ns),
        last_seen=ns_to_stamp(place.last_ns),
        detections=place.detections,
    )
    if view is not None:
        msg.view_stamp, msg.view_pose = ns_to_stamp(view.stamp_ns), sensor_pose_to_msg(view.pose)
    return msg


def places_to_poses(places: Sequence[RememberedPlace], header: Header) -> PoseArray:
    """Make one pose for each place, without a direction."""
    poses = [Pose(position=place.position, orientation=Quaternion(w=1.0)) for place in places]
    return PoseArray(header=header, poses=poses)


def places_to_markers(places: Sequence[RememberedPlace], header: Header) -> MarkerArray:
    """Make a box and a name for each place, the better the more opaque; the first marker deletes those before."""
    array = MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])
    for number, place in enumerate(places):
        box = Marker(header=header, ns="places", id=number, type=Marker.CUBE, action=Marker.ADD, scale=place.extent)
        box.color = ColorRGBA(r=1.0, g=0.7, b=0.0, a=0.8 if number == 0 else 0.4)
        name = Marker(header=header, ns="names", id=number, type=Marker.TEXT_VIEW_FACING, action=Marker.ADD)
        name.color, name.scale.z = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0), 0.15
        name.text = f"{place.class_name} {place.confidence:.0%}"
        for marker in (box, name):
            marker.pose = Pose(position=_point((place.position.x, place.position.y, place.position.z)))
            marker.pose.orientation.w = 1.0
        name.pose.position.z += place.extent.z / 2 + 0.15
        array.markers += [box, name]
    return array


def heat_to_cloud(centres: NDArray[np.float64], scores: NDArray[np.float32], header: Header) -> PointCloud2:
    """Make a cloud of x, y, z and score: each voxel's, 0..1."""
    values = np.column_stack([centres, scores]).astype("<f4")
    cloud = PointCloud2(header=header, height=1, width=len(values), fields=HEAT_FIELDS, point_step=16, is_dense=True)
    cloud.row_step = 16 * len(values)
    cloud.data.frombytes(values.tobytes())
    return cloud


def view_to_msg(jpeg: bytes, keyframe: Keyframe) -> CompressedImage:
    """Make the message of a view, with the header of the image."""
    image = CompressedImage(
        format="jpeg", header=Header(stamp=ns_to_stamp(keyframe.stamp_ns), frame_id=keyframe.camera)
    )
    image.data.frombytes(jpeg)
    return image


def box_to_msg(box: tuple[int, int, int, int]) -> RegionOfInterest:
    """Make the message of a box x, y, width, height in pixels."""
    x, y, width, height = box
    return RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height)


def view_pose_to_msg(keyframe: Keyframe, frame_id: str) -> PoseStamped:
    """Make the message of the pose from which a keyframe was seen."""
    header = Header(stamp=ns_to_stamp(keyframe.stamp_ns), frame_id=frame_id)
    return PoseStamped(header=header, pose=sensor_pose_to_msg(keyframe.pose))


def _point(position: tuple[float, float, float]) -> Point:
    x, y, z = position
    return Point(x=x, y=y, z=z)
