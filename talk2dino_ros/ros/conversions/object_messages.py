# SPDX-License-Identifier: Apache-2.0
"""Convert tracked objects to messages."""

from collections.abc import Iterable

from talk2dino_ros.perception.tracking.tracker import TrackedObject
from talk2dino_ros.ros.conversions.stamps import ns_to_stamp
from talk2dino_ros.ros.messages.message_classes import (
    Header,
    Point,
    RegionOfInterest,
    Time,
    TrackedObjectArray,
    Vector3,
)
from talk2dino_ros.ros.messages.message_classes import TrackedObject as TrackedObjectMsg


def objects_to_msg(objects: Iterable[TrackedObject], stamp: Time, frame_id: str, version: int) -> TrackedObjectArray:
    """Make the message of all objects after the image of this stamp; `version` is the vocabulary's."""
    header = Header(stamp=stamp, frame_id=frame_id)
    return TrackedObjectArray(
        header=header, vocabulary_version=version, objects=[_object_to_msg(tracked) for tracked in objects]
    )


def _object_to_msg(tracked: TrackedObject) -> TrackedObjectMsg:
    x, y, width, height = tracked.box
    msg = TrackedObjectMsg(
        id=tracked.id,
        state=int(tracked.state),
        class_id=tracked.class_id,
        class_name=tracked.class_name,
        confidence=tracked.confidence,
        detections=tracked.detections,
        first_seen=ns_to_stamp(tracked.first_seen_ns),
        last_seen=ns_to_stamp(tracked.last_seen_ns),
        box=RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height),
    )
    if tracked.position is not None and tracked.extent is not None:
        msg.has_position = True
        msg.position = Point(**dict(zip("xyz", tracked.position, strict=True)))
        msg.position_covariance = tracked.covariance
        msg.extent = Vector3(**dict(zip("xyz", tracked.extent, strict=True)))
    return msg
