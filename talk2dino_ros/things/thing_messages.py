# SPDX-License-Identifier: Apache-2.0
"""Things as messages, and back for those who go to them."""

from collections.abc import Iterable

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Vector3
from sensor_msgs.msg import RegionOfInterest
from std_msgs.msg import Header
from talk2dino_msgs.msg import Thing as ThingMsg
from talk2dino_msgs.msg import ThingArray

from talk2dino_ros.conversions import nanoseconds_to_time
from talk2dino_ros.things.things import Thing


def things_to_msg(things: Iterable[Thing], stamp: Time, frame_id: str, version: int) -> ThingArray:
    """Make the message of what is known after the image of this stamp; `version` is the vocabulary's."""
    header = Header(stamp=stamp, frame_id=frame_id)
    return ThingArray(header=header, vocabulary_version=version, things=[_thing_to_msg(thing) for thing in things])


def _thing_to_msg(thing: Thing) -> ThingMsg:
    x, y, width, height = thing.box
    msg = ThingMsg(
        id=thing.id,
        state=int(thing.state),
        class_id=thing.class_id,
        class_name=thing.class_name,
        confidence=thing.confidence,
        sightings=thing.sightings,
        first_seen=nanoseconds_to_time(thing.first_seen_ns),
        last_seen=nanoseconds_to_time(thing.last_seen_ns),
        box=RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height),
    )
    if thing.position is not None and thing.extent is not None:
        msg.has_position = True
        msg.position = Point(**dict(zip("xyz", thing.position, strict=True)))
        msg.position_covariance = thing.covariance
        msg.extent = Vector3(**dict(zip("xyz", thing.extent, strict=True)))
    return msg
