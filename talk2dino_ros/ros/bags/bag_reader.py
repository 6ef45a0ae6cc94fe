# SPDX-License-Identifier: Apache-2.0
"""Read messages of a bag: MCAP or SQLite, ROS 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.files.regular_files import check_regular
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns


class BagError(Talk2DinoError):
    """A bag that cannot be read, or that does not have what is needed."""


class Bag:
    """An open bag. types: the message type of each topic, such as `sensor_msgs/msg/Image`."""

    def __init__(self, path: Path, reader: Any) -> None:
        self.path = path
        self._reader = reader
        self._connections: dict[str, list[Any]] = {}
        for connection in reader.connections:
            self._connections.setdefault(connection.topic, []).append(connection)
        self.types = {topic: str(each[0].msgtype) for topic, each in self._connections.items()}

    def count(self, topics: Sequence[str]) -> int:
        """Return how many messages of some topics there are."""
        return sum(int(each.msgcount) for topic in topics for each in self._connections[topic])

    def messages(self, topics: Sequence[str]) -> Iterator[tuple[str, int, Any]]:
        """Yield topic, time of recording in ns, and message, in the order of recording. Raises BagError."""
        if topics:
            yield from self._messages(topics)

    def first(self, topic: str) -> Any | None:
        """Return a topic's first message; None where there is none."""
        return next((message for _, _, message in self._messages([topic])), None)

    def at(self, topic: str, recorded_ns: int, stamp_ns: int) -> Any:
        """Return the message of a topic that was recorded then, and has this stamp. Raises BagError."""
        for _, _, message in self._messages([topic], start=recorded_ns, stop=recorded_ns + 1):
            if stamp_to_ns(message.header.stamp) == stamp_ns:
                return message
        raise BagError(f"{self.path} has changed while it was read, expected the same; run the command again")

    def _messages(self, topics: Sequence[str], **span: int) -> Iterator[tuple[str, int, Any]]:
        connections, is_empty = [each for topic in topics for each in self._connections[topic]], True
        with _told(self.path):
            for connection, recorded_ns, data in self._reader.messages(connections, **span):
                is_empty = False
                yield connection.topic, recorded_ns, self._reader.deserialize(data, connection.msgtype)
        if is_empty and not span and self.count(topics):  # rosbags leaves out what its metadata describes otherwise
            raise BagError(
                f"{self.path}: none of its {self.count(topics)} messages of {', '.join(topics)} can be read, expected "
                "a metadata.yaml that fits the files beside it; make it anew by `ros2 bag reindex`"
            )


@contextmanager
def open_bag(path: Path) -> Iterator[Bag]:
    """Open a bag's folder or file. Raises BagError where that cannot be, or rosbags is missing."""
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise BagError(
            f"the Python package rosbags cannot be used ({error}), expected it to read bags; run `pip install rosbags`"
        ) from error
    if path.suffix == ".bag":
        raise BagError(f"{path} is a bag of ROS 1, expected one of ROS 2; convert it by `rosbags-convert`")
    _check_logs(path)
    with _told(path):
        for file in _files_of(path):
            check_regular(file)
        # types that an SQLite bag of before Iron does not bring; those that are used here have never changed
        reader = AnyReader([path], default_typestore=get_typestore(Stores.ROS2_HUMBLE))
        reader.open()
    try:
        yield Bag(path, reader)
    finally:
        reader.close()


def _check_logs(path: Path) -> None:
    """Raise BagError where an SQLite bag has a log with messages that a reader would leave out without a word."""
    for file in sorted(path.glob("*.db3")) if path.is_dir() else [path]:
        for log in (file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-journal")):
            if log.exists() and log.stat().st_size:
                raise BagError(
                    f"{log} holds what is not in {file.name} yet, expected a recording that was ended; run `sqlite3 "
                    f"{file.name} 'PRAGMA wal_checkpoint(TRUNCATE)'` on a copy of both, which takes it in"
                )


def _files_of(path: Path) -> list[Path]:
    """Return the files that a reader opens, which would wait for a pipe among them."""
    return [path] if not path.is_dir() else [each for each in path.iterdir() if not each.is_dir()]


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Raise BagError for whatever a reader meets in a bag that is cut off or damaged: it has no family of errors.

    MemoryError too: a damaged length asks for a terabyte.
    """
    try:
        yield
    except Talk2DinoError:
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise BagError(
            f"{path} cannot be read as a bag ({reason}), expected a folder of `ros2 bag record` or its .mcap or .db3 "
            "file; `mcap recover` mends an .mcap that was cut off, `ros2 bag reindex` a missing metadata.yaml"
        ) from error
