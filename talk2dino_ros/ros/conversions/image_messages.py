# SPDX-License-Identifier: Apache-2.0
"""Conversions of images and results to messages; headers are kept.

Publishing fills `data` by `frombytes`: assigning an array walks through it byte by byte (80 ms for a 720p mask).
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.points_of_interest import PointOfInterest
from talk2dino_ros.perception.space.positions import Position
from talk2dino_ros.ros.conversions.encodings import Rgb
from talk2dino_ros.ros.conversions.stamps import ns_to_stamp
from talk2dino_ros.ros.messages.message_classes import (
    ColorRGBA,
    Header,
    Image,
    LabelInfo,
    Marker,
    MarkerArray,
    Point,
    PointOfInterestArray,
    RegionOfInterest,
    Vector3,
    VisionClass,
)
from talk2dino_ros.ros.messages.message_classes import PointOfInterest as PointOfInterestMsg
from talk2dino_ros.viz.overlay import color_of


def rgb_to_image(rgb: Rgb, header: Header) -> Image:
    """Make an rgb8 image of uint8 [H, W, 3] RGB."""
    return _image(rgb, "rgb8", header)


def mask_to_image(mask: NDArray[np.uint8], header: Header) -> Image:
    """Make a mono8 image of uint8 [H, W] (ids or confidence) with step == width, as costmap layers need it."""
    return _image(mask, "mono8", header)


def _image(values: NDArray[np.uint8], encoding: str, header: Header) -> Image:
    image = Image(header=header, height=values.shape[0], width=values.shape[1], encoding=encoding)
    image.step = values.shape[1] * values[0, 0].nbytes
    image.data.frombytes(np.ascontiguousarray(values).data.cast("B"))
    return image


def vocabulary_to_label_info(
    labels: Mapping[int, str], version: int, *, threshold: float | None = None, frame_id: str = ""
) -> LabelInfo:
    """Make a LabelInfo of id -> name, sorted by id; its stamp is the vocabulary's version in nanoseconds.

    `threshold` (0..1) is the score below which a pixel is unlabeled; None, where there is no such threshold, is 0.
    """
    info = LabelInfo(threshold=float(threshold or 0.0))
    info.header.frame_id = frame_id
    info.header.stamp = ns_to_stamp(version)
    info.class_map = [VisionClass(class_id=class_id, class_name=labels[class_id]) for class_id in sorted(labels)]
    return info


def points_to_msg(points: Iterable[PointOfInterest], header: Header, version: int) -> PointOfInterestArray:
    """Make the message of one image's points of interest; `version` is the vocabulary's."""
    return PointOfInterestArray(
        header=header, vocabulary_version=version, points=[_point_to_msg(point, version) for point in points]
    )


def _point_to_msg(point: PointOfInterest, version: int) -> PointOfInterestMsg:
    x, y, width, height = point.box
    msg = PointOfInterestMsg(
        class_id=point.class_id,
        class_name=point.class_name,
        confidence=point.confidence,
        area_share=point.area_share,
        pixel_x=point.pixel[0],
        pixel_y=point.pixel[1],
        box=RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height),
        object_id=point.object_id,
        no_position_reason=point.no_position_reason,
        vocabulary_version=version,
    )
    if point.position is not None:
        msg.has_position = True
        msg.frame_id = point.position.frame_id
        msg.position = _position_to_point(point.position)
        msg.position_covariance = point.position.covariance
        msg.extent = Vector3(**dict(zip("xyz", point.position.extent, strict=True)))
    return msg


def _position_to_point(position: Position) -> Point:
    x, y, z = position.xyz
    return Point(x=x, y=y, z=z)


def points_to_markers(points: Iterable[PointOfInterest], header: Header, *, diameter_m: float = 0.1) -> MarkerArray:
    """Make a ball and a name for each point that has a position, in its frame and the overlay's colours.

    The first marker deletes those of the image before. Points without a position have no place in space.
    """
    array = MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])
    placed = [(point, point.position) for point in points if point.position is not None]
    for number, (point, position) in enumerate(placed):
        ball, name = _ball(point, position, number, diameter_m), _name(point, position, number, diameter_m)
        if position.frame_id == header.frame_id:
            name.pose.position.y -= 1.2 * diameter_m  # upwards: images are in optical frames, y down (REP 103),
        else:
            name.pose.position.z += 1.2 * diameter_m  # and all other frames have z up
        ball.header = name.header = Header(stamp=header.stamp, frame_id=position.frame_id)
        array.markers += [ball, name]
    return array


def _ball(point: PointOfInterest, position: Position, number: int, diameter_m: float) -> Marker:
    marker = Marker(ns="points", id=number, type=Marker.SPHERE, action=Marker.ADD)
    marker.pose.position = _position_to_point(position)
    marker.pose.orientation.w = 1.0
    marker.scale = Vector3(x=diameter_m, y=diameter_m, z=diameter_m)
    red, green, blue = color_of(point.class_id)
    marker.color = ColorRGBA(r=red / 255, g=green / 255, b=blue / 255, a=0.9)
    return marker


def _name(point: PointOfInterest, position: Position, number: int, diameter_m: float) -> Marker:
    marker = Marker(ns="names", id=number, type=Marker.TEXT_VIEW_FACING, action=Marker.ADD)
    marker.pose.position = _position_to_point(position)
    marker.pose.orientation.w = 1.0
    marker.scale.z = diameter_m
    marker.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
    marker.text = f"{point.class_name} {point.confidence:.0%}"
    return marker
