# SPDX-License-Identifier: Apache-2.0
"""Write messages, of ROS or of a definition, to a bag: MCAP, as `ros2 bag record` of Iron and later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from talk2dino_ros.ros.messages.message_definitions import typestore

METADATA_VERSION = 9


class BagWriter:
    """An open bag. types: rosbags' typestore, of all messages that are written."""

    def __init__(self, writer: Any, types: Any) -> None:
        self._writer = writer
        self._types = types
        self._connections: dict[str, Any] = {}
        self.counts: dict[str, int] = {}  # messages of each topic

    def add_topic(self, topic: str, message_type: str, *, is_latched: bool = False) -> None:
        """Declare a topic, by a type such as sensor_msgs/msg/Image. is_latched: late subscribers get the last."""
        qos = [_latched()] if is_latched else []
        self._connections[topic] = self._writer.add_connection(
            topic, message_type, typestore=self._types, offered_qos_profiles=qos
        )
        self.counts[topic] = 0

    def write(self, topic: str, recorded_ns: int, message: Any) -> None:
        """Write a message, of ROS or of a definition."""
        self.write_bytes(topic, recorded_ns, to_cdr(message, self._connections[topic].msgtype, self._types))

    def write_bytes(self, topic: str, recorded_ns: int, cdr: bytes | memoryview) -> None:
        """Write a message that is serialized already."""
        self._writer.write(self._connections[topic], recorded_ns, cdr)
        self.counts[topic] += 1


@contextmanager
def written_bag(path: Path, types: Any = None) -> Iterator[BagWriter]:
    """Give a writer of a new bag at a path where nothing is; without index where the block raises. Raises OSError."""
    types = types or typestore()
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

    writer = Writer(path, version=METADATA_VERSION, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(
        CompressionMode.STORAGE, CompressionFormat.ZSTD
    )  # the chunks of the MCAP: readers need no word
    with writer:
        yield BagWriter(writer, types)


def to_cdr(message: Any, message_type: str, types: Any) -> memoryview:
    """Serialize a message of ROS or of a definition, as ROS does."""
    cdr: memoryview = types.serialize_cdr(_converted(message, message_type, types), message_type)
    return cdr


def _converted(message: Any, message_type: str, types: Any) -> Any:
    _, fields = types.fielddefs[message_type]
    return types.types[message_type](*(_value(getattr(message, name), each, types) for name, each in fields))


def _value(value: Any, description: tuple[Any, Any], types: Any) -> Any:
    from rosbags.interfaces import Nodetype

    kind, what = description
    if kind == Nodetype.NAME:
        return _converted(value, what, types)
    if kind == Nodetype.BASE:
        return value[0] if isinstance(value, bytes) else value
    element, _ = what
    if element[0] == Nodetype.NAME:
        return [_converted(each, element[1], types) for each in value]
    return list(value) if element[1][0] in ("string", "wstring") else np.asarray(value, np.dtype(element[1][0]))


def _latched() -> Any:
    """Return the quality of service of what late subscribers get: reliable, the last one, transient local."""
    from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

    forever = QosTime(9223372036, 854775807)
    keeping = (QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL)
    return Qos(*keeping, forever, forever, QosLiveliness.AUTOMATIC, forever, False)
