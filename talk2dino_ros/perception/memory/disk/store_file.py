# SPDX-License-Identifier: Apache-2.0
"""The SQLite file of a store: its schema, its settings, and what becomes of one that is no store.

WAL mode with full synchronisation: a transaction that was committed outlives kill -9 and a power cut, one that was not
leaves no trace.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from talk2dino_ros.perception.memory.disk.store_lock import StoreError

SCHEMA_VERSION = 2
LOG_PAGES = 256  # after which the log is taken into the file: a small map shall not have a log of its own size
_APPLICATION_ID = 0x7432644D  # "t2dM": tells a store from another program's database
_SIDE_FILES = ("", "-wal", "-shm")
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE basis (id INTEGER PRIMARY KEY, directions BLOB NOT NULL);
CREATE TABLE keyframes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    camera TEXT NOT NULL, head BLOB NOT NULL, body BLOB NOT NULL, jpeg BLOB NOT NULL
);
"""
_COLUMNS = {
    "meta": ["name", "value"],
    "basis": ["id", "directions"],
    "keyframes": ["id", "camera", "head", "body", "jpeg"],
}


def open_file(path: Path) -> tuple[sqlite3.Connection, str]:
    """Open a store's file, a new one where there is none; return it, and what a person has to know, or "".

    A damaged file is moved aside and a new one begun. Raises StoreError for another program's file, for one of a newer
    version, and where the folder cannot be written.
    """
    try:
        return _opened(path), ""
    except sqlite3.OperationalError as error:  # no room, no right to write
        raise StoreError(
            f"{path} cannot be opened ({error}), expected a file and a folder to write to; name another"
        ) from error
    except sqlite3.DatabaseError as error:
        return begin_anew(path, str(error))


def begin_anew(path: Path, reason: str) -> tuple[sqlite3.Connection, str]:
    """Move a damaged file aside, with its log, and begin a new one; return it, and what a person has to know."""
    aside = _moved_aside(path)
    return _opened(path), (
        f"{path} is damaged ({reason}); it was kept as {aside.name}, and a new memory begun; restore it from a backup "
        "to have the old one"
    )


def _opened(path: Path) -> sqlite3.Connection:
    is_new = not path.exists() or not path.stat().st_size
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
    connection.text_factory = _text  # one text that is no UTF-8 would take all others with it
    try:
        if is_new:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # before the first table
            connection.execute("PRAGMA journal_mode=WAL")
            _make(connection)
        _check(connection, path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
        connection.execute("PRAGMA secure_delete=ON")  # what was forgotten is in no free page
    except BaseException:
        connection.close()
        raise
    return connection


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _make(connection: sqlite3.Connection) -> None:
    """Make the tables in one transaction: a kill leaves none of them, or all."""
    version = f"PRAGMA application_id={_APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION};"
    connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {version} COMMIT;")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application == 0 and version == 0 and not _tables(connection):
        _make(connection)  # killed before its first transaction
        return
    if application != _APPLICATION_ID:
        raise StoreError(f"{path} is another program's database, expected a memory; choose another folder")
    if version != SCHEMA_VERSION:
        age, remedy = ("a newer", "update this one") if version > SCHEMA_VERSION else ("an older", "build it again")
        raise StoreError(
            f"{path} is of version {version}, expected {SCHEMA_VERSION}; it was written by {age} talk2dino_ros: "
            f"{remedy}, or choose another folder"
        )
    missing = set(_COLUMNS) - _tables(connection)
    if missing:
        raise sqlite3.DatabaseError(f"without its table {sorted(missing)[0]}")
    for table, columns in _COLUMNS.items():
        if [row[1] for row in connection.execute(f"PRAGMA table_xinfo({table})")] != columns:
            raise sqlite3.DatabaseError(f"its table {table} has other columns")
        connection.execute(f"SELECT count(*), max(rowid) FROM {table}").fetchone()  # reads the tables' own pages
    if connection.execute("SELECT count(*) FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone()[0]:
        raise sqlite3.DatabaseError("it has triggers or views")


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}


def _moved_aside(path: Path) -> Path:
    """Rename the file and its log to a name that nothing has; never delete."""
    stamp = time.strftime("%Y%m%dT%H%M%S")
    names = (path.with_name(f"{path.name}.damaged-{stamp}{'-' * bool(n)}{n or ''}") for n in range(1000))
    aside = next(name for name in names if not name.exists())
    for end in _SIDE_FILES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
    return aside
