# SPDX-License-Identifier: Apache-2.0
"""Messages with lists without end are dropped before they are read."""

import time
from functools import partial

import pytest

pytest.importorskip("rclpy")

from geometry_msgs.msg import TransformStamped
from rclpy.serialization import serialize_message
from tf2_msgs.msg import TFMessage

from talk2dino_ros.ros.node.message_guard import MessageGuard
from talk2dino_ros.ros.node.message_sizes import MOST_BYTES, MessageSizeError, read_bounded


class Warnings(list):
    warning = list.append


def transforms(count: int) -> bytes:
    each = TransformStamped(child_frame_id="base")
    each.header.frame_id = "map"
    return serialize_message(TFMessage(transforms=[each] * count))


def test_a_good_message_is_read_and_a_hundred_thousand_transforms_are_not():
    assert len(read_bounded(TFMessage, transforms(1000)).transforms) == 1000
    many = transforms(140_000)
    begin_s = time.process_time()
    with pytest.raises(MessageSizeError) as refusal:
        read_bounded(TFMessage, many)
    assert time.process_time() - begin_s < 0.1
    assert str(refusal.value) == (
        f"it has {len(many)} bytes, expected at most {MOST_BYTES['TFMessage']} of a TFMessage; let its publisher send "
        "less at once"
    )


def test_a_damaged_message_is_dropped_and_counted_and_the_next_is_read():
    log, heard = Warnings(), []
    guard = MessageGuard(lambda: log)
    take = guard.around(heard.append, "/tf", read=partial(read_bounded, TFMessage))
    for serialized in (transforms(2)[:-9], transforms(3)):
        take(serialized)
    assert [len(message.transforms) for message in heard] == [3]
    assert guard.dropped == 1
    assert log[0].startswith("a message on /tf was dropped: its ")
    assert "bytes are no TFMessage, expected a whole one" in log[0]
