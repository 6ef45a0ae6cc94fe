# SPDX-License-Identifier: Apache-2.0
"""Remove the shared memory of processes that were killed, of which Fast DDS leaves 67 MB each in /dev/shm.

Beside each segment lies a file that its process holds a lock on as long as it lives, by which Fast DDS itself tells the
dead (`fastdds shm clean`; RobustExclusiveLock in its sources). Nothing else is removed: no segment without that file,
none of another user, no port (Fast DDS takes over dead ones by their number), no file of data sharing (it has no lock).
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from talk2dino_ros.engine.text.counted import counted

SHARED_MEMORY = Path("/dev/shm")
LOCK = re.compile(r"fast(?:dds|rtps)_[0-9a-f]{16}_el")  # Fast DDS 2.x calls them fastrtps
YOUNGEST_S = 10.0  # the lock is taken right after its file was made, and not in the same moment


class Removed(NamedTuple):
    """How many segments were removed, and the memory that they took."""

    segments: int
    size: int

    def __str__(self) -> str:
        size = f"{self.size / 1e6:.0f} MB in {SHARED_MEMORY}"
        killed = "process was killed" if self.segments == 1 else "processes were killed"
        return f"removed {counted(self.segments, 'segment')} of shared memory ({size}), whose {killed}"


def remove_abandoned(folder: Path = SHARED_MEMORY) -> Removed:
    """Remove this user's segments that no process holds any more; who still reads one keeps what it has mapped."""
    sizes = [size for lock in _locks_in(folder) if (size := _removed_size(lock)) is not None]
    return Removed(len(sizes), sum(sizes))


def _locks_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if LOCK.fullmatch(path.name)]
    except OSError:  # a system without /dev/shm
        return []


def _removed_size(lock: Path) -> int | None:
    """Remove a dead segment with its lock's file; return the bytes that it took, None where it stays."""
    with suppress(OSError):  # held, gone meanwhile, or not to be removed
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            return _remove_unheld(lock, descriptor)
        finally:
            os.close(descriptor)
    return None


def _remove_unheld(lock: Path, descriptor: int) -> int | None:
    """Raise BlockingIOError where a process holds the lock."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    segment = lock.with_name(lock.name.removesuffix("_el"))
    lock_facts, facts = os.fstat(descriptor), segment.lstat()
    if not _is_own_file(lock_facts) or not _is_own_file(facts) or time.time() - lock_facts.st_mtime < YOUNGEST_S:
        return None
    segment.unlink()
    lock.unlink()
    return facts.st_blocks * 512


def _is_own_file(facts: os.stat_result) -> bool:
    return stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid()
