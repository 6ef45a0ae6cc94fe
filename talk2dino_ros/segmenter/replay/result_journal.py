# SPDX-License-Identifier: Apache-2.0
"""Results of the model on disk while a replay runs, so that one that was killed goes on without segmenting again.

What follows the model (places, tracks, messages) is cheap, depends on all images before, and is computed anew from
these results: so a replay that went on writes the same bytes as one that was never stopped.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.files.bounded_parsers import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from talk2dino_ros.engine import Segmentation, Segmenter, Vocabulary
    from talk2dino_ros.engine.options import Options
    from talk2dino_ros.engine.runtime.stage_times import StageTimer

_TABLES = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS results (
  number INTEGER PRIMARY KEY, pixels BLOB NOT NULL, answers TEXT NOT NULL, data BLOB NOT NULL);
"""


class ReplayError(Talk2DinoError):
    """A replay that cannot begin or go on, or its folder."""


class ResultJournal:
    """Results by the image's number and pixels, in an SQLite file. about: what they were made with.

    Raises ReplayError where the file is of a replay with something else, is in use, or cannot be written.
    """

    def __init__(self, path: Path, about: Mapping[str, str]) -> None:
        self._path = path
        with self._told():
            self._database = sqlite3.connect(path, isolation_level=None, timeout=0.0)
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")  # nothing of it is needed after a power cut
            self._database.executescript(_TABLES)
            self._check(about)

    @property
    def count(self) -> int:
        """How many results there are."""
        with self._told():
            (count,) = self._database.execute("SELECT count(*) FROM results").fetchone()
        return int(count)

    def find(self, number: int, rgb: NDArray[np.uint8]) -> Segmentation | None:
        """Return the result of an image, uint8 [H, W, 3], by its number; None where there is none of these pixels."""
        with self._told():
            query = "SELECT pixels, answers, data FROM results WHERE number = ?"
            row = self._database.execute(query, (number,)).fetchone()
        if row is None or row[0] != _sum_of(rgb):
            return None
        return _unpacked(row[1], row[2], (rgb.shape[0], rgb.shape[1]))

    def put(self, number: int, rgb: NDArray[np.uint8], result: Segmentation) -> None:
        """Keep the result of an image; it is on disk when this returns."""
        answers = json.dumps(list(result.answers))
        arrays = (result.class_ids, result.confidence, *result.answers.values())
        data = zlib.compress(b"".join(array.tobytes() for array in arrays), level=1)
        with self._told():
            row = (number, _sum_of(rgb), answers, data)
            self._database.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _check(self, about: Mapping[str, str]) -> None:
        known = dict(self._database.execute("SELECT name, value FROM about"))
        if not known:
            self._database.executemany("INSERT INTO about VALUES (?, ?)", about.items())
            return
        if differing := [name for name in about if known.get(name) != about[name]]:
            raise ReplayError(
                f"{self._path.parent} is of a replay with other {', '.join(differing)}, expected the same command as "
                "before, which continues there; remove the folder to begin anew, or name another --output"
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ReplayError(
                f"{self._path} cannot be used ({error}), expected room on the disk, and no other replay to the same "
                "--output; correct that and give the same command, which continues from there"
            ) from error


class JournaledSegmenter:
    """A segmenter for a pipeline that gets one image at a time, and asks the journal first.

    numbers: of the images, over all segmenters that share the journal.
    """

    def __init__(self, segmenter: Segmenter, journal: ResultJournal, numbers: Iterator[int]) -> None:
        self._segmenter = segmenter
        self._journal = journal
        self._numbers = numbers

    @property
    def options(self) -> Options:
        """The segmenter's."""
        return self._segmenter.options

    def stage_timer(self) -> StageTimer:
        """Return the segmenter's."""
        return self._segmenter.stage_timer()

    def segment(
        self, images: Sequence[NDArray[np.uint8]], vocabulary: Vocabulary, *asked: Any, **named: Any
    ) -> list[Segmentation]:
        """Segment as `Segmenter.segment`; what the journal has of an image is not computed again, and has no scores.

        Not with score_smoothing, where the model has to see all images before.
        """
        (rgb,), number = images, next(self._numbers)
        found = None if self.options.score_smoothing else self._journal.find(number, rgb)
        if found is None:
            (found,) = self._segmenter.segment(images, vocabulary, *asked, **named)
            self._journal.put(number, rgb, found)
        return [found]


def _sum_of(rgb: NDArray[np.uint8]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(rgb).data).digest()


def _unpacked(answers: str, data: bytes, shape: tuple[int, int]) -> Segmentation | None:
    """Return a result of an image of this shape; None where it is damaged."""
    from talk2dino_ros.engine import Segmentation

    try:
        ids, size = parse_json(answers), shape[0] * shape[1]
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(data, size * (2 + len(ids)) + 1)
        arrays = np.frombuffer(raw, np.uint8).reshape(2 + len(ids), *shape)
    except (ValueError, TypeError, zlib.error):
        return None
    return Segmentation(arrays[0], arrays[1], answers={int(each): arrays[2 + n] for n, each in enumerate(ids)})
