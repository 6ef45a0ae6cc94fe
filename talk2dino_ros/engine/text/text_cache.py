# SPDX-License-Identifier: Apache-2.0
"""Text features on disk, so that a word is encoded once: one SQLite database, shared by all processes.

What is kept is the text encoder's own output, before the projection: whatever model shares the encoder shares the
words. SQLite brings what a cache needs: several writers, a power cut in the middle of a write, no code in the file.
"""

import re
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.files.cache_folder import standard_folder
from talk2dino_ros.engine.files.checksums import file_state, sha256_of

NO_CACHE = "none"
FILE_NAME = "text_features_1.sqlite3"  # the number is that of the tables below
MAX_PROMPTS = 20_000  # some 50 MB of CLIP's 512 values each; 254 classes of 7 templates are 1,778 prompts
LOCKED_S = 5.0  # how long to wait for the writes of others: each takes milliseconds, and some 0.1 s on a busy disk

_TABLES = """
CREATE TABLE IF NOT EXISTS prompt (
    encoder TEXT, text TEXT, features BLOB NOT NULL, crc32 INTEGER NOT NULL, is_cut INTEGER NOT NULL,
    used_day INTEGER NOT NULL,
    PRIMARY KEY (encoder, text));
CREATE TABLE IF NOT EXISTS file (path TEXT PRIMARY KEY, state TEXT NOT NULL, sha256 TEXT NOT NULL);
"""


# RuntimeError: a user without a home folder. The others: of a damaged database, whose own text sqlite3 cannot decode.
_UNUSABLE = (sqlite3.Error, OSError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError)


class TextCacheError(Talk2DinoError):
    """The cache cannot be read or written; words can be encoded all the same."""


@dataclass(frozen=True, eq=False)
class PromptFeatures:
    """Text features of one prompt: float32 [T], and whether the encoder read only the prompt's beginning."""

    vector: npt.NDArray[np.float32]
    is_cut: bool


class TextCache:
    """The database in a folder, both made when first needed; '' is the standard folder (see `standard_folder`).

    Each call opens and closes it, so that any thread may call. All methods raise TextCacheError.
    """

    def __init__(self, folder: str | Path = "") -> None:
        self._folder = folder

    def read(self, encoder: str, prompts: Sequence[str]) -> dict[str, PromptFeatures]:
        """Return what is known of the prompts to an encoder; a damaged row is unknown, and is written anew."""
        query = "SELECT features, crc32, is_cut, used_day FROM prompt WHERE encoder = ? AND text = ?"
        known, aged = {}, []
        with self._open() as database:
            for prompt in prompts:
                for *row, used_day in database.execute(query, (encoder, prompt)):
                    if features := _features_in(row, encoder, prompt):
                        known[prompt] = features
                        aged += [(_today(), encoder, prompt)] if used_day != _today() else []
            if aged:  # once a day: a write waits for the disk, which known words should not
                _try_to_note(database, "UPDATE prompt SET used_day = ? WHERE encoder = ? AND text = ?", aged)
        return known

    def write(self, encoder: str, features: Mapping[str, PromptFeatures]) -> None:
        """Remember prompts; beyond MAX_PROMPTS those go whose last use is longest ago."""
        rows = [(encoder, text, *_row_of(each, encoder, text), _today()) for text, each in features.items()]
        with self._open() as database, database:
            database.executemany("INSERT OR REPLACE INTO prompt VALUES (?, ?, ?, ?, ?, ?)", rows)
            database.execute(
                "DELETE FROM prompt WHERE rowid IN "
                "(SELECT rowid FROM prompt ORDER BY used_day DESC, rowid DESC LIMIT -1 OFFSET ?)",
                (MAX_PROMPTS,),
            )

    def sum_of(self, path: Path) -> str:
        """Return a file's sha256, computed anew only where the file has changed: text towers are large."""
        key, state = str(path.resolve()).encode(errors="backslashreplace").decode(), file_state(path)
        with self._open() as database:
            query = "SELECT sha256 FROM file WHERE path = ? AND state = ?"
            for (known,) in database.execute(query, (key, state)):
                if isinstance(known, bytes) and re.fullmatch(b"[0-9a-f]{64}", known):
                    return known.decode()
            found = sha256_of(path)
            _try_to_note(database, "INSERT OR REPLACE INTO file VALUES (?, ?, ?)", [(key, state, found)])
        return found

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            folder = Path(self._folder).expanduser() if self._folder else standard_folder()
            folder.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(folder / FILE_NAME, timeout=LOCKED_S)) as database:
                database.text_factory = bytes  # one text that is no UTF-8 would take all others with it
                database.executescript(_TABLES)
                yield database
        except _UNUSABLE as error:
            place = Path(self._folder or "~/.cache/talk2dino_ros") / FILE_NAME
            raise TextCacheError(
                f"the text cache {place} cannot be used ({error}), so that the words were encoded without it; "
                "delete it or make it writable, or set another text_cache_dir"
            ) from error


def open_text_cache(text_cache_dir: str | Path) -> TextCache | None:
    """Return the cache in a folder ('': the standard one), or None for 'none'."""
    return None if str(text_cache_dir) == NO_CACHE else TextCache(text_cache_dir)


def _row_of(features: PromptFeatures, encoder: str, prompt: str) -> tuple[bytes, int, int]:
    """Return a row's features, crc32 and is_cut."""
    blob, is_cut = features.vector.astype("<f4").tobytes(), int(features.is_cut)
    return blob, _crc32(encoder, prompt, blob, is_cut), is_cut


def _features_in(row: Sequence[object], encoder: str, prompt: str) -> PromptFeatures | None:
    """Read the features from a row; None where it is damaged, which may change a value's type too."""
    blob, crc32, is_cut = row
    if not isinstance(blob, bytes) or len(blob) % 4 or crc32 != _crc32(encoder, prompt, blob, is_cut):
        return None
    return PromptFeatures(np.frombuffer(blob, "<f4").astype(np.float32), bool(is_cut))


def _crc32(encoder: str, prompt: str, blob: bytes, is_cut: object) -> int:
    """Return the sum that shows damage, as SQLite has none: of the key too, or a word gets another's features."""
    return zlib.crc32(blob, zlib.crc32(f"{encoder}\0{prompt}\0{is_cut}".encode()))


def _today() -> int:
    return int(time.time() // 86400)


def _try_to_note(database: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Write what only saves time, where the database can be written now."""
    with suppress(sqlite3.OperationalError), database:
        database.executemany(statement, rows)
