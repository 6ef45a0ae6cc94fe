# SPDX-License-Identifier: Apache-2.0
"""Read what can be read of a bag's files that are cut off or damaged, and say what cannot.

rosbags' own readers, which end at the first flaw, with another way to open a file and to go on behind a damaged chunk.
Import this where rosbags is known to be there.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Collection, Iterator
from heapq import merge
from io import BytesIO
from typing import Any

from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinition, MessageDefinitionFormat
from rosbags.rosbag2.errors import ReaderError
from rosbags.rosbag2.metadata import ReaderMetadata, parse_qos
from rosbags.rosbag2.storage_mcap import MAXSIZE, ChunkInfo, McapReader, decompress, msgsrc
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Reader

MAGIC = b"\x89MCAP0\r\n"
RECORD = struct.Struct("<BQ")  # opcode, length
MESSAGE, CHUNK, DATA_END = 0x05, 0x06, 0x0F
CHUNK_HEAD = struct.Struct("<QQQII")  # first and last time, size, checksum, length of the compression's name
FORMATS = {"ros2msg": MessageDefinitionFormat.MSG, "ros2idl": MessageDefinitionFormat.IDL}


def about(counts: dict[int, int], start_ns: int, end_ns: int) -> ReaderMetadata:
    """Describe a file that has so many messages of each connection."""
    count = sum(counts.values())
    duration = end_ns - start_ns + 1 if count else 0
    return ReaderMetadata(duration, start_ns, end_ns + 1 if count else 0, count, None, None, None, None)


class ForgivingMcap(McapReader):
    """An MCAP file with or without its end. losses: a clause on all that could not be read."""

    bio: Any
    connections: list[Any]

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        self.losses: dict[str, None] = {}

    def _open(self) -> None:
        try:
            super()._open()
        except MemoryError:
            raise
        except Exception:  # whatever the library meets: it has no family of errors
            for known in (self.schemas, self.channels, self.chunks, self.connections):
                known.clear()
            self._scan()

    def _scan(self) -> None:
        """Find the chunks, and what is in them, without the index at the file's end."""
        file = self.bio
        file.seek(0)
        if file.read(len(MAGIC)) != MAGIC:
            raise ReaderError("File magic is invalid.")
        counts: Counter[int] = Counter()
        times: list[int] = []
        loose, end = False, len(MAGIC)
        for opcode, start, end in self._records():
            if opcode == CHUNK:
                self._scan_chunk(start, end, counts, times)
            loose |= opcode == MESSAGE
        if loose and not self.chunks:
            self.bio, self.data_start, self.data_end = file, len(MAGIC), end
            self.meta_scan()
            counts.update(self.statistics.channel_message_counts)
            times += [self.statistics.start_time, self.statistics.end_time]
        self.connections = [each._replace(msgcount=counts[each.id]) for each in self.connections]
        self.metadata = about(counts, min(times, default=MAXSIZE), max(times, default=0))

    def _records(self) -> Iterator[tuple[int, int, int]]:
        """Yield opcode, start and end of each record that is whole, up to the end of the data."""
        size, at = self.path.stat().st_size, len(MAGIC)
        while at + RECORD.size <= size:
            self.bio.seek(at)
            opcode, length = RECORD.unpack(self.bio.read(RECORD.size))
            if opcode == DATA_END:
                return
            if at + RECORD.size + length > size:
                break
            yield opcode, at, at + RECORD.size + length
            at += RECORD.size + length
        self.losses[f"its end is missing, and the last {size - at} bytes are not a complete part of it"] = None

    def _scan_chunk(self, start: int, end: int, counts: Counter[int], times: list[int]) -> None:
        file = self.bio
        file.seek(start + RECORD.size)
        try:
            first_ns, last_ns, size, checksum, length = CHUNK_HEAD.unpack(file.read(CHUNK_HEAD.size))
            compression = file.read(length).decode()
            (packed,) = struct.unpack("<Q", file.read(8))
            raw = decompress(file.read(packed), compression, size, checksum)
            self._scan_bytes(raw)
        except MemoryError:
            raise
        except Exception as error:
            self._lose(error, end - start)
            return
        finally:
            self.bio = file
        found = dict(self.statistics.channel_message_counts)
        counts.update(found)
        times += [first_ns, last_ns]
        self.chunks.append(ChunkInfo(first_ns, last_ns, start, end - start, {}, 0, compression, packed, size, found))

    def _scan_bytes(self, raw: bytes) -> None:
        """Learn the topics and count the messages of an unpacked chunk."""
        self.bio, self.data_start, self.data_end = BytesIO(raw), 0, len(raw)
        self.meta_scan()

    def _lose(self, error: Exception, size: int) -> None:
        self.losses[f"a chunk of {size} bytes is damaged ({error or type(error).__name__})"] = None

    def messages(
        self, connections: Collection[Connection], start: int | None = None, stop: int | None = None
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield connection, time in ns and data, without those of damaged chunks."""
        if not self.chunks:
            yield from super().messages(connections, start, stop)
            return
        wanted = {each.id: each for each in connections}
        first, last = start or 0, MAXSIZE if stop is None else stop
        chunks = [
            self._chunk_messages(chunk, wanted, first, last)
            for chunk in self.chunks
            if first <= chunk.message_end_time and chunk.message_start_time < last
            and any(chunk.channel_count.get(each, 0) for each in wanted)
        ]  # fmt: skip
        for time_ns, offset, connection, data in merge(*chunks):
            if offset:
                yield connection, time_ns, data

    def _chunk_messages(self, chunk: ChunkInfo, wanted: dict[int, Connection], first: int, last: int) -> Iterator[Any]:
        found = -1  # the first is the chunk itself
        try:
            for each in msgsrc(chunk, wanted, first, last, self.bio):
                found += 1
                yield each
        except MemoryError:
            raise
        except Exception as error:
            self._lose(error, chunk.chunk_length)
            return
        is_whole = first <= chunk.message_start_time and chunk.message_end_time < last
        missing = sum(chunk.channel_count.get(each, 0) for each in wanted) - found
        if is_whole and missing > 0:
            self._lose(ReaderError(f"{missing} of its messages are none of the index's"), chunk.chunk_length)


class ForgivingSqlite(Sqlite3Reader):
    """An SQLite file that may be cut off. losses: as ForgivingMcap's."""

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        self.losses: dict[str, None] = {}
        self._is_broken = False

    def _open(self) -> None:
        try:
            super()._open()
        except MemoryError:
            raise
        except Exception:
            self._is_broken = True
            self._open_broken()

    def _open_broken(self) -> None:
        self.dbconn.execute("PRAGMA writable_schema=ON")  # else SQLite refuses a file shorter than its head says
        self.schema = 4
        unknown = MessageDefinition(MessageDefinitionFormat.NONE, "")
        rows = self.dbconn.execute(
            "SELECT id, name, type, serialization_format, offered_qos_profiles FROM topics ORDER BY id"
        )
        self.connections = [
            Connection(number, topic, kind, unknown, "", 0, ConnectionExtRosbag2(serialization, parse_qos(qos)), self)
            for number, topic, kind, serialization, qos in rows
        ]
        self._add_definitions()
        counts: Counter[int] = Counter()
        times = []
        for topic, time_ns in self._rows("topic_id, timestamp"):
            counts[topic] += 1
            times.append(time_ns)
        self.connections = [each._replace(msgcount=counts[each.id]) for each in self.connections]
        self.metadata = about(counts, min(times, default=MAXSIZE), max(times, default=0))

    def _add_definitions(self) -> None:
        """Add the messages' definitions, which Humble's bags have not."""
        known = {row[1] for row in self.dbconn.execute("PRAGMA table_list")}
        if "message_definitions" not in known:
            return
        rows = self.dbconn.execute("SELECT topic_type, encoding, encoded_message_definition FROM message_definitions")
        found = {kind: MessageDefinition(FORMATS[encoding], text) for kind, encoding, text in rows}
        self.connections = [each._replace(msgdef=found.get(each.msgtype, each.msgdef)) for each in self.connections]

    def _rows(self, columns: str) -> Iterator[Any]:
        """Yield the rows of the messages, in the order of recording, up to the first that cannot be read."""
        try:
            yield from self.dbconn.execute(f"SELECT {columns} FROM messages ORDER BY id")
        except MemoryError:
            raise
        except Exception as error:
            self.losses[f"its messages end where they are cut off ({error})"] = None

    def messages(
        self, connections: Collection[Connection], start: int | None = None, stop: int | None = None
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield connection, time in ns and data."""
        if not self._is_broken:
            yield from super().messages(connections, start, stop)
            return
        wanted = {each.id: each for each in connections}
        first, last = start or 0, MAXSIZE if stop is None else stop
        for topic, time_ns, data in self._rows("topic_id, timestamp, data"):
            if topic in wanted and first <= time_ns < last:
                yield wanted[topic], time_ns, data
