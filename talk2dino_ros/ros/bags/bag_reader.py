# SPDX-License-Identifier: Apache-2.0
"""Read messages of a bag: MCAP or SQLite, ROS 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.files.regular_files import check_regular
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.ros.bags.bag_definitions import Definitions, differing_field
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns


class BagError(Talk2DinoError):
    """A bag that cannot be read, or that does not have what is needed."""


class Bag:
    """An open bag. types: the message type of each topic, such as `sensor_msgs/msg/Image`.

    known: ROS's definitions of its types. is_forgiving: what cannot be read is left out, and told by `losses`.
    """

    def __init__(self, path: Path, reader: Any, known: Definitions, *, is_forgiving: bool = False) -> None:
        self.path = path
        self._known = known
        self.unreadable = 0  # messages that were left out one by one
        self._reader = reader
        self._is_forgiving = is_forgiving
        self._losses: dict[str, None] = {}
        self._connections: dict[str, list[Any]] = {}
        for connection in reader.connections:
            self._connections.setdefault(connection.topic, []).append(connection)
        self.types = {topic: str(each[0].msgtype) for topic, each in self._connections.items()}

    @property
    def start_ns(self) -> int:
        """When the first message was recorded."""
        return int(self._reader.start_time)

    def rate_hz(self, topic: str, otherwise: float) -> float:
        """Return how many messages of a topic there are a second, on average; `otherwise` where one cannot say."""
        seconds, count = (int(self._reader.end_time) - self.start_ns) / 1e9, self.count([topic])
        return (count - 1) / seconds if count > 1 and 0 < seconds < 1e7 else otherwise

    @property
    def losses(self) -> list[str]:
        """A clause on all that could not be read so far."""
        files = [loss for storage in _storages(self._reader) for loss in getattr(storage, "losses", ())]
        return [*dict.fromkeys([*files, *self._losses])]

    def count(self, topics: Sequence[str]) -> int:
        """Return how many messages of some topics there are; of a bag that is cut off, which can be read."""
        if self._is_forgiving:  # the files say it better than a metadata.yaml
            there = [each for storage in _storages(self._reader) for each in storage.connections]
            return sum(int(each.msgcount) for each in there if each.topic in topics)
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
        connections = [each for topic in topics for each in self._connections[topic] if self._is_readable(each)]
        is_empty = True
        with self._forgiven() if self._is_forgiving else _told(self.path):
            for connection, recorded_ns, data in self._reader.messages(connections, **span) if connections else ():
                is_empty = False
                message = self._deserialized(data, connection)
                if message is not None:
                    yield connection.topic, recorded_ns, message
        if (
            is_empty and not span and not self.losses and self.count(topics)
        ):  # rosbags leaves out what its metadata describes otherwise
            raise BagError(
                f"{self.path}: of its {counted(self.count(topics), 'message')} of {', '.join(topics)} none can be "
                "read, expected a metadata.yaml that fits the files beside it; make it again with `ros2 bag reindex`"
            )

    def _is_readable(self, connection: Any) -> bool:
        """Whether the bag's own definition of a topic's messages is ROS's; raise BagError where nothing is forgiven."""
        kind = connection.msgtype
        field = differing_field(kind, self._reader.typestore.fielddefs, self._known)
        if not field:
            return True
        loss = f"its definition of {kind} lacks ROS's field {field}, so no message of {connection.topic} can be read"
        if not self._is_forgiving:
            raise BagError(f"{self.path}: {loss}, expected an undamaged bag; copy or record it again")
        self._losses[loss] = None
        return False

    def _deserialized(self, data: bytes, connection: Any) -> Any | None:
        try:
            return self._reader.deserialize(data, connection.msgtype)
        except Exception as error:
            if not self._is_forgiving or isinstance(error, MemoryError):
                raise
            self.unreadable += 1
            self._losses[f"a message of {connection.topic} is no {connection.msgtype} ({error})"] = None
            return None

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        """Note whatever a reader meets, as `_told`, and end there."""
        try:
            yield
        except (Talk2DinoError, MemoryError):
            raise
        except Exception as error:
            self._losses[f"nothing can be read from there on ({error or type(error).__name__})"] = None


@contextmanager
def open_bag(path: Path, *, is_forgiving: bool = False) -> Iterator[Bag]:
    """Open a bag's folder or file. Raises BagError where that cannot be, or rosbags is missing.

    is_forgiving: of one that is cut off or damaged, open what can be read; see `Bag.losses`.
    """
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise BagError(
            f"the Python package rosbags cannot be used ({error}), expected it to read bags; run `pip install rosbags`"
        ) from error
    if path.suffix == ".bag":
        raise BagError(f"{path} is a bag of ROS 1, expected one of ROS 2; convert it with `rosbags-convert`")
    _check_logs(path)
    with _told(path):
        for file in _files_of(path):
            check_regular(file)
        # types that an SQLite bag of before Iron does not bring; those that are used here have never changed
        types = get_typestore(Stores.ROS2_HUMBLE)
        reader = _forgiving_reader(path, types) if is_forgiving else AnyReader([path], default_typestore=types)
        if not is_forgiving:
            reader.open()
    try:
        yield Bag(path, reader, types.fielddefs, is_forgiving=is_forgiving)
    finally:
        reader.close()


def _forgiving_reader(path: Path, types: Any) -> Any:
    """Return an open reader of a bag; without a metadata.yaml that fits, of the files in its folder."""
    try:
        return _opened_forgiving([path], types)
    except MemoryError:
        raise
    except Exception:
        files = sorted(each for each in path.glob("*") if each.suffix in (".mcap", ".db3")) if path.is_dir() else []
        if not files:
            raise
        return _opened_forgiving(files, types)


def _opened_forgiving(paths: Sequence[Path], types: Any) -> Any:
    from rosbags.highlevel import AnyReader

    from talk2dino_ros.ros.bags.broken_files import ForgivingMcap, ForgivingSqlite

    reader = AnyReader(paths, default_typestore=types)
    for each in reader.readers:
        if each.path.is_dir():
            each.storage.STORAGE_PLUGINS = {"mcap": ForgivingMcap, "sqlite3": ForgivingSqlite}
        else:
            each.storage = (ForgivingMcap if each.path.suffix == ".mcap" else ForgivingSqlite)(each.path)
    reader.open()
    return reader


def _storages(reader: Any) -> Iterator[Any]:
    """Yield the readers of a bag's files."""
    for each in reader.readers:
        yield from getattr(each.storage, "storages", [each.storage])


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
            "file; `mcap recover` repairs an .mcap that was cut off, `ros2 bag reindex` restores a missing "
            "metadata.yaml"
        ) from error
