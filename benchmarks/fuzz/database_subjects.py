# SPDX-License-Identifier: Apache-2.0
"""SQLite files of the package's own: pages with damaged bytes, and tables that hold or are what they should not."""

import sqlite3
import struct
import tempfile
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.fuzz.file_subjects import in_file
from benchmarks.fuzz.mutations import NUMBERS, mutated, text
from benchmarks.fuzz.trial import NothingKeptError, Subject
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.text.text_cache import FILE_NAME, PromptFeatures, TextCache
from talk2dino_ros.perception.memory.disk.keyframe_store import FILE, FeatureKind, KeyframeStore
from talk2dino_ros.perception.memory.disk.sealed_rows import DamagedRowError, KeyframeRow, fitting, pack, sealed, unpack
from talk2dino_ros.perception.memory.keyframe import Keyframe
from talk2dino_ros.perception.memory.place_finder import Search
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.memory.spatial_memory import SeenImage, SpatialMemory
from talk2dino_ros.perception.memory.word_query import WordQuery

KIND = FeatureKind("space", "mini", 4, "map")
ENCODER, PROMPTS = "encoder", ("a dog", "a cat", "門")
_STORE_COLUMNS = (
    *("meta.name", "meta.value", "basis.directions"),
    *("keyframes.camera", "keyframes.head", "keyframes.body", "keyframes.jpeg", "keyframes.id"),
)
_CACHE_COLUMNS = tuple(f"prompt.{name}" for name in ("encoder", "text", "features", "crc32", "is_cut", "used_day"))


def keyframe(number: int) -> Keyframe:
    """Return a keyframe of three patches, two metres before the camera."""
    return Keyframe(
        number * 10**9,
        "camera",
        SensorPose((0.1 * number, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)),
        np.array([[127, 3], [100, 5], [90, -7]], np.int8),
        np.full(3, 0.0078, np.float32),
        np.array([[0, 0, 2000], [10, 0, 2000], [300, 0, 2100]], np.int16),
        np.array([[1, 1], [2, 2], [3, 3]], np.uint16),
        (2.0, 2.0),
        b"\xff\xd8 no picture",
    )


def _as_bytes(path: Path) -> bytes:
    """Return a database as bytes: without the log mode, which leaves a file beside it."""
    data = bytearray(path.read_bytes())
    data[18:20] = b"\1\1"
    return bytes(data)


@cache
def _store() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        store = KeyframeStore(Path(folder), "map")
        for number in range(1, 4):
            store.add(keyframe(number), KIND, np.eye(2, 4, dtype=np.float32) if number == 1 else None)
        store.close()
        return _as_bytes(Path(folder) / "map" / FILE)


@cache
def _text_cache() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        TextCache(folder).write(ENCODER, {each: PromptFeatures(np.ones(8, np.float32), False) for each in PROMPTS})
        return _as_bytes(Path(folder) / FILE_NAME)


def _stored_value(choice: Random) -> Any:
    """Return what a column may hold, with the store's sum or without; more often than not what is near a right one."""
    kind = choice.randrange(6)
    row = pack(keyframe(choice.randrange(5)))
    if kind == 0:
        number = choice.choice(NUMBERS)
        return number if abs(number) < 2**63 else float(min(number, 1e308))
    if kind == 1:
        return text(choice).encode(errors="replace").decode()
    if kind == 2:
        return choice.choice((None, b"", 0.5, choice.randbytes(20)))
    if kind == 3:
        return choice.choice(_parts(row))
    if kind == 4:
        return sealed(mutated(choice, choice.choice(_parts(row))[4:]))
    return sealed(zlib.compress(_body(choice)))


def _parts(row: KeyframeRow) -> tuple[bytes, bytes, bytes]:
    """Return a row's three parts."""
    return row.head, row.body, row.jpeg


def _body(choice: Random) -> bytes:
    """Return a keyframe's body, inflated: counts that lie, and numbers that are none."""
    count, width = choice.choice((0, 1, 3, 2**31)), choice.choice((0, 1, 2, 3, 4, 5, 300))
    size = choice.choice((1.0, 0.0, float("nan"), 1e38))
    rows = count if count < 10 else 1
    noise = choice.randbytes(rows * (width + 14)) if choice.random() < 0.7 else b"\xff" * rows * (width + 14)
    return struct.pack("<IIff", count, width, size, 1.0) + noise


def _statement(choice: Random, columns: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    table, column = choice.choice(columns).split(".")
    kind = choice.randrange(14)
    if kind < 6:
        few = choice.choice(("", " WHERE rowid = 2", " WHERE rowid % 2"))
        return f"UPDATE {table} SET {column} = ?{few}", (_stored_value(choice),)
    changes = (
        f"DELETE FROM {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} RENAME COLUMN {column} TO other",
        f"ALTER TABLE {table} DROP COLUMN {column}",
        f"CREATE TRIGGER each_time AFTER INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no\x1b[2J'); END",
        f"CREATE UNIQUE INDEX one ON {table} (({column} IS NULL))",
        f"PRAGMA user_version = {choice.choice((0, 1, 3, -1))}",
        f"PRAGMA application_id = {choice.choice((0, 1))}",
    )
    return changes[kind - 6], ()


def _foreign(table: str) -> str:
    return f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (id INTEGER PRIMARY KEY, other TEXT);"


def _change(choice: Random, connection: sqlite3.Connection, columns: tuple[str, ...]) -> None:
    for _ in range(choice.choice((1, 1, 2, 4))):
        with suppress(sqlite3.Error):  # of a change that SQLite itself does not allow
            connection.execute(*_statement(choice, columns))
    if choice.random() < 0.05:
        connection.executescript(_foreign(choice.choice(columns).split(".")[0]))


def _database(choice: Random, right: bytes, columns: tuple[str, ...]) -> bytes:
    """Return the bytes of a database near a right one."""
    if choice.random() < 0.4:
        return mutated(choice, right)
    with tempfile.TemporaryDirectory(prefix="talk2dino_fuzz_") as folder:
        path = Path(folder) / "changed"
        path.write_bytes(right)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            _change(choice, connection, columns)
        data = path.read_bytes()
    return mutated(choice, data) if choice.random() < 0.1 else data


def _read_store(path: Path) -> object:
    """Open a map's memory, ask it, look at what it answers, and add to it, as the node does."""
    store = KeyframeStore(path.parents[1], path.parent.name)
    try:
        memory = SpatialMemory(store, cell_m=0.1)
        _ask(memory)
        memory.remember(
            SeenImage(
                9 * 10**9,
                "camera",
                SensorPose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)),
                np.eye(2, 4, dtype=np.float32),
                np.array([[0.0, 0.0, 2.0], [0.0, 0.0, 2.0]]),
                np.ones((2, 2)),
                (1.0, 1.0),
                b"",
            ),
            KIND,
        )
        if store.notices:
            raise NothingKeptError("what is damaged is left out, and that is said")
        return store.bytes_on_disk()
    finally:
        store.close()


def _ask(memory: SpatialMemory) -> None:
    dimensions = memory.store.kind.dimensions if memory.store.kind else 4
    vectors = np.ones((2, min(dimensions, 10_000)), np.float32)
    finding = memory.find(WordQuery("dog", vectors, 0.5, 10.0), Search(min_score=0.0, min_evidence=-1.0))
    for number, _ in finding.places:
        try:
            memory.view(number)
        except ImageError:
            continue  # none of these keyframes has a picture


def _unpack(row: KeyframeRow, _folder: Path) -> object:
    try:
        return fitting(unpack(row, "camera"), 2)
    except DamagedRowError as error:
        raise NothingKeptError(f"the row is left out: {error!r}") from error


def _keyframe_row(choice: Random) -> KeyframeRow:
    parts = list(_parts(pack(keyframe(1))))
    place = choice.randrange(3)
    parts[place] = sealed(zlib.compress(_body(choice))) if choice.random() < 0.3 else mutated(choice, parts[place])
    return KeyframeRow(*parts)


def _read_cache(path: Path) -> object:
    cache_of = TextCache(path.parent)
    found = cache_of.read(ENCODER, PROMPTS)
    for each in found.values():
        assert (each.vector == 1.0).all(), "other features than were written"
    cache_of.write(ENCODER, {"new": PromptFeatures(np.ones(8, np.float32), False)})
    if len(found) < len(PROMPTS):
        raise NothingKeptError("some words are encoded anew")
    return found


def _subject(name: str, file: str, right: Callable[[], bytes], columns: tuple[str, ...], read: Any) -> Subject:
    return Subject(name, lambda choice: _database(choice, right(), columns), in_file(file, read))


DATABASE_SUBJECTS = (
    _subject("memory store", f"map/{FILE}", _store, _STORE_COLUMNS, _read_store),
    _subject("text cache", FILE_NAME, _text_cache, _CACHE_COLUMNS, _read_cache),
    Subject("keyframe row", _keyframe_row, _unpack),
)
