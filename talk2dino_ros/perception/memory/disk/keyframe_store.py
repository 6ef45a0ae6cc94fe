# SPDX-License-Identifier: Apache-2.0
"""Keyframes of one map on disk: the truth, of which all else is made.

One folder for each map, `folder/map_id/`, with one SQLite file. A keyframe is one transaction. A damaged row is
skipped, counted and named; the others stay.
"""

from __future__ import annotations

import re
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.memory.disk.sealed_rows import (
    DamagedRowError,
    KeyframeRow,
    fitting,
    opened,
    pack,
    pack_head,
    sealed,
    unpack,
)
from talk2dino_ros.perception.memory.disk.store_file import begin_anew, open_file
from talk2dino_ros.perception.memory.disk.store_lock import StoreError, StoreLock, refuse_link
from talk2dino_ros.perception.memory.keyframe import Keyframe
from talk2dino_ros.perception.memory.sensor_pose import SensorPose

Floats = NDArray[np.float32]
_Part = TypeVar("_Part")

FILE, LOCK = "memory.sqlite3", "memory.lock"
MOST_DIMENSIONS = 1 << 16  # of features: a damaged number shall not take all memory
LONGEST = 1.001  # of a value of a direction, which has length 1
AHEAD = 8  # keyframes that are unpacked before they are asked for
# a folder's name, and nothing that leads out of one; on a disk of Windows too, which has devices and no dot at the end
_DEVICES = r"(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)"
MAP_ID = re.compile(rf"(?!{_DEVICES})(?!.*\.\Z)[A-Za-z0-9_][A-Za-z0-9_.-]{{0,99}}\Z")


class StoreWriteError(StoreError):
    """A disk without room, or that cannot be written any more; what was written stays, and is served."""


@dataclass(frozen=True)
class FeatureKind:
    """What features and points of a store are: of another kind nothing can be added, nor asked.

    frame: of the poses and points, such as "map".
    """

    feature_space: str
    model: str
    dimensions: int
    frame: str


class KeyframeStore:
    """The keyframes of one map. Raises StoreError where it cannot be opened: see store_file.py and store_lock.py.

    kind: what it holds; None while nothing was written. directions: float32 [k, D], the basis of the coefficients.
    notices: sentences for a person, oldest first. damaged: ids of rows that were skipped.
    """

    def __init__(self, folder: Path, map_id: str) -> None:
        if not MAP_ID.match(map_id):
            raise StoreError(
                f"map_id is {map_id!r}, expected up to 100 letters, digits and _.- such as 'office_2'; set it so"
            )
        self.map_id = map_id
        self.folder = folder / map_id
        try:
            self.folder = self.folder.expanduser()
            refuse_link(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = StoreLock(self.folder / LOCK)
        except (OSError, RuntimeError, ValueError) as error:  # `~name` that names no user; a byte of 0
            raise StoreError(
                f"the folder {self.folder} cannot be written ({error}), expected one for the memory; name another"
            ) from error
        try:
            self._database, notice = open_file(self.folder / FILE)
        except BaseException:
            self._lock.release()
            raise
        self.notices = [notice] if notice else []
        self.damaged: list[int] = []
        try:
            self._check_map()
            self.kind, self.directions = self._read_basis()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file and give it free; without effect where that was done."""
        self._database.close()
        self._lock.release()

    def check_kind(self, kind: FeatureKind) -> None:
        """Raise StoreError where features of this kind cannot be among the store's, or compared with them."""
        if self.kind is None or self.kind == kind:
            return
        differing = [f.name for f in fields(kind) if getattr(kind, f.name) != getattr(self.kind, f.name)]
        theirs, ours = (
            ", ".join(f"{name} {getattr(each, name)!r}" for name in differing) for each in (kind, self.kind)
        )
        raise StoreError(
            f"the features are of {theirs}, but the memory {self.folder} holds those of {ours}; go back to these, or "
            f"begin another memory, such as map_id '{self.map_id}_2' in the same folder"
        )

    def add(self, keyframe: Keyframe, kind: FeatureKind, new_directions: Floats | None = None) -> int:
        """Write a keyframe, with what its basis has gained, in one transaction; return its id.

        Raises StoreError for features of another kind, StoreWriteError where nothing could be written.
        """
        self.check_kind(kind)
        with self._transaction():
            if self.kind is None:
                rows = [(f"kind.{name}", str(value)) for name, value in zip(_KIND_NAMES, astuple(kind), strict=True)]
                self._database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)
            if new_directions is not None and len(new_directions):
                data = sealed(np.ascontiguousarray(new_directions, "<f4").tobytes())
                self._database.execute("INSERT INTO basis (directions) VALUES (?)", (data,))
            statement = "INSERT INTO keyframes (camera, head, body, jpeg) VALUES (?, ?, ?, ?)"
            number = self._database.execute(statement, (keyframe.camera, *pack(keyframe))).lastrowid
        self.kind = kind
        if new_directions is not None:
            self.directions = np.concatenate([self.directions.reshape(-1, kind.dimensions), new_directions])
        return int(number or 0)

    def ids(self) -> list[int]:
        """Return the ids of all keyframes, in the order in which they were written, damaged ones too."""
        return [number for (number,) in self._database.execute("SELECT id FROM keyframes ORDER BY id")]

    def read(self, number: int) -> Keyframe | None:
        """Return a keyframe; None where there is none of this id, or a damaged one, which is noted."""
        row = self._noting(number, lambda: self._row(number))
        return self._noting(number, lambda: self._unpack(*row)) if row else None

    def __iter__(self) -> Iterator[tuple[int, Keyframe]]:
        """Yield ids and keyframes in the order of writing, while another thread unpacks what comes next."""
        with ThreadPoolExecutor(1, thread_name_prefix="keyframes") as pool:
            ahead: deque[tuple[int, Future[Keyframe]]] = deque()
            for number in self.ids():
                if row := self._noting(number, partial(self._row, number)):
                    ahead.append((number, pool.submit(self._unpack, *row)))
                if len(ahead) == AHEAD:
                    yield from self._unpacked(*ahead.popleft())
            for each in ahead:
                yield from self._unpacked(*each)

    def _row(self, number: int) -> tuple[KeyframeRow, str] | None:
        statement = "SELECT head, body, jpeg, camera FROM keyframes WHERE id = ?"
        row = self._database.execute(statement, (number,)).fetchone()
        return (KeyframeRow(*row[:3]), str(row[3])) if row else None

    def _unpack(self, row: KeyframeRow, camera: str) -> Keyframe:
        return fitting(unpack(row, camera), len(self.directions))

    def _unpacked(self, number: int, unpacking: Future[Keyframe]) -> list[tuple[int, Keyframe]]:
        """Return the id and its keyframe, nothing of a damaged one."""
        keyframe = self._noting(number, unpacking.result)
        return [(number, keyframe)] if keyframe else []

    def set_poses(self, poses: Iterable[tuple[int, int, SensorPose]]) -> None:
        """Change the poses of keyframes, each an id, its stamp in ns and the pose, all or none."""
        rows = [(pack_head(stamp_ns, pose), number) for number, stamp_ns, pose in poses]
        with self._transaction():
            self._database.executemany("UPDATE keyframes SET head = ? WHERE id = ?", rows)

    def change(self, replaced: Sequence[tuple[int, Keyframe]], removed: Sequence[int]) -> None:
        """Replace and remove keyframes, all or none; their pages are overwritten, also in the log."""
        with self._transaction():
            for number, keyframe in replaced:
                statement = "UPDATE keyframes SET head = ?, body = ?, jpeg = ? WHERE id = ?"
                self._database.execute(statement, (*pack(keyframe), number))
            self._database.executemany("DELETE FROM keyframes WHERE id = ?", [(number,) for number in removed])
        self._shrink()

    def clear(self) -> None:
        """Remove all keyframes, and what kind of features they had; the map stays the same."""
        with self._transaction():
            for table in ("keyframes", "basis"):
                self._database.execute(f"DELETE FROM {table}")
            self._database.execute("DELETE FROM meta WHERE name LIKE 'kind.%'")
        self.kind, self.directions = None, np.zeros((0, 0), np.float32)
        self.damaged.clear()
        self._shrink()

    def bytes_on_disk(self) -> int:
        """Return the size of the pages in use and of the log."""
        pages, free, size = (
            self._database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        log = self.folder / f"{FILE}-wal"
        return int((pages - free) * size) + (log.stat().st_size if log.exists() else 0)

    def _shrink(self) -> None:
        """Give the freed pages back, and empty the log, in which what was removed stands still."""
        try:
            self._database.execute("PRAGMA incremental_vacuum").fetchall()
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.OperationalError as error:
            raise StoreWriteError(
                f"{self.folder / FILE} could not be made smaller ({error}), expected room to do so; make some"
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield
            self._database.execute("COMMIT")
        except BaseException as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            if isinstance(error, sqlite3.DatabaseError):
                raise StoreWriteError(
                    f"nothing can be written to {self.folder / FILE} ({error}), expected a disk with room; make room, "
                    "and it continues by itself"
                ) from error
            raise

    def _check_map(self) -> None:
        written = self._meta("map_id")
        if written is None:
            with self._transaction():
                self._database.execute("INSERT INTO meta VALUES ('map_id', ?)", (self.map_id,))
        elif written != self.map_id:
            raise StoreError(
                f"the memory in {self.folder} is of the map {written!r}, but map_id is {self.map_id!r}; places are "
                f"worth nothing in another map: set map_id to {written!r}, or choose another folder"
            )

    def _read_basis(self) -> tuple[FeatureKind | None, Floats]:
        """Read what the features are; where that is damaged no keyframe can be read, so the file is moved aside."""
        try:
            kind = self._read_kind()
            return kind, self._read_directions(kind.dimensions if kind else 0)
        except (DamagedRowError, ValueError, sqlite3.DatabaseError) as error:
            self._database.close()
            self._database, notice = begin_anew(self.folder / FILE, f"its basis cannot be read: {error}")
            self.notices.append(notice)
            self._check_map()
            return None, np.zeros((0, 0), np.float32)

    def _read_kind(self) -> FeatureKind | None:
        space, model, dimensions, frame = (self._meta(f"kind.{name}") for name in _KIND_NAMES)
        if space is None:
            return None
        if not 0 < int(dimensions or 0) <= MOST_DIMENSIONS:
            raise DamagedRowError(f"the features have {dimensions} dimensions")
        return FeatureKind(space, model or "", int(dimensions or 0), frame or "")

    def _read_directions(self, dimensions: int) -> Floats:
        parts = [np.zeros((0, dimensions), np.float32)]
        for (data,) in self._database.execute("SELECT directions FROM basis ORDER BY id").fetchall():
            parts.append(np.frombuffer(opened(data), "<f4").reshape(-1, dimensions))
        directions = np.concatenate(parts)
        if not (np.abs(directions) <= LONGEST).all():
            raise DamagedRowError("it is no basis")
        return directions

    def _meta(self, name: str) -> str | None:
        row = self._database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _noting(self, number: int, read: Callable[[], _Part | None]) -> _Part | None:
        """Return what of a keyframe is read; note one that cannot be for damaged, and return None."""
        try:
            return read()
        except (DamagedRowError, sqlite3.DatabaseError) as error:
            if number not in self.damaged:
                self.damaged.append(number)
                self.notices.append(f"keyframe {number} of {self.folder / FILE} is damaged ({error}) and was left out")
            return None


_KIND_NAMES = tuple(field.name for field in fields(FeatureKind))
