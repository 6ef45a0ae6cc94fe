# SPDX-License-Identifier: Apache-2.0
"""Conversions to geometry messages: detections and a labelled cloud."""

from array import array
from collections.abc import Iterable

import cv2
import numpy as np
from geometry_msgs.msg import Point, Pose, Vector3
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox2D,
    BoundingBox3D,
    Detection2D,
    Detection2DArray,
    Detection3D,
    Detection3DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
)

from talk2dino_ros.perception.points_of_interest import PointOfInterest
from talk2dino_ros.perception.space.camera_model import GeometryError
from talk2dino_ros.perception.space.positions import Position
from talk2dino_ros.ros.conversions.encodings import Rgb

# As PCL lays its points out, the colour packed into a float; Nav2's semantic layer reads x, y and z.
POINT_STEP = 20
CLOUD_FIELDS = [
    *(
        PointField(name=name, offset=4 * number, datatype=PointField.FLOAT32, count=1)
        for number, name in enumerate(("x", "y", "z", "rgb"))
    ),
    PointField(name="class_id", offset=16, datatype=PointField.UINT8, count=1),
]


def points_to_detections_2d(points: Iterable[PointOfInterest], header: Header) -> Detection2DArray:
    """Make a box in pixels of each point; class_id is the class's name, id the object's in decimal or ''.

    A box lies on the pixels' outer edges: its centre less half its size is the pixel it begins at.
    """
    return Detection2DArray(header=header, detections=[_detection_2d(point, header) for point in points])


def _detection_2d(point: PointOfInterest, header: Header) -> Detection2D:
    x, y, width, height = point.box
    box = BoundingBox2D(size_x=float(width), size_y=float(height))
    box.center.position.x, box.center.position.y = x + width / 2, y + height / 2
    return Detection2D(header=header, results=[_hypothesis(point)], bbox=box, id=_object_name(point))


def points_to_detections_3d(points: Iterable[PointOfInterest], header: Header) -> Detection3DArray:
    """Make a box in metres of each point that has a position; the others are left out.

    Raises GeometryError where a position is in another frame than the header's.
    """
    placed = [(point, point.position) for point in points if point.position is not None]
    return Detection3DArray(header=header, detections=[_detection_3d(*pair, header) for pair in placed])


def _detection_3d(point: PointOfInterest, position: Position, header: Header) -> Detection3D:
    if position.frame_id != header.frame_id:
        raise GeometryError(
            f"The position of '{point.class_name}' is in the frame '{position.frame_id}', but the detections'"
            f" header is in '{header.frame_id}'; transform it, or make the header of the positions' frame."
        )
    x, y, z = position.xyz
    pose = Pose(position=Point(x=x, y=y, z=z))
    hypothesis = _hypothesis(point)
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = np.reshape(position.covariance, (3, 3))
    hypothesis.pose.pose, hypothesis.pose.covariance = pose, covariance.ravel()
    width, height, length = position.extent
    box = BoundingBox3D(center=pose, size=Vector3(x=width, y=height, z=length))
    return Detection3D(header=header, results=[hypothesis], bbox=box, id=_object_name(point))


def _hypothesis(point: PointOfInterest) -> ObjectHypothesisWithPose:
    hypothesis = ObjectHypothesis(class_id=point.class_name, score=point.confidence)
    return ObjectHypothesisWithPose(hypothesis=hypothesis)


def _object_name(point: PointOfInterest) -> str:
    return str(point.object_id) if point.object_id else ""


def labelled_cloud(points: NDArray[np.float32], rgb: Rgb, class_ids: NDArray[np.uint8], header: Header) -> PointCloud2:
    """Make an organised cloud of x, y, z, rgb and class_id, pixel for pixel the mask's; NaN stays where no depth is.

    points: float32 [H, W, 3] in the header's frame; rgb: uint8 [H, W, 3] RGB; class_ids: uint8 [H, W].
    Raises GeometryError where their sizes differ.
    """
    height, width = class_ids.shape
    if points.shape[:2] != (height, width) or rgb.shape[:2] != (height, width):
        sizes = ", ".join(f"{array.shape[1]}x{array.shape[0]}" for array in (points, rgb, class_ids))
        raise GeometryError(
            f"A cloud's points, colours and class ids are {sizes} pixels, expected one size; bring all to the mask's."
        )
    data = array("B", [0]) * (POINT_STEP * width * height)  # filled in place: at 1080p a copy has 40 MB
    words = np.frombuffer(data, "<u4").reshape(height, width, POINT_STEP // 4)
    words.view("<f4")[..., :3] = points
    colours = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA).view("<u4")[..., 0]
    np.bitwise_and(colours, 0xFFFFFF, out=words[..., 3])  # with its alpha the float would be NaN
    words[..., 4] = class_ids
    cloud = PointCloud2(header=header, height=height, width=width, fields=CLOUD_FIELDS, is_dense=False, data=data)
    cloud.point_step, cloud.row_step = POINT_STEP, POINT_STEP * width
    return cloud
