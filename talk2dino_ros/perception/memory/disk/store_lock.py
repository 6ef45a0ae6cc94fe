# SPDX-License-Identifier: Apache-2.0
"""One process for each store: a lock that ends with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from talk2dino_ros.engine.errors import Talk2DinoError


class StoreError(Talk2DinoError):
    """A store that cannot be used, or not as asked; what it holds is as it was."""


class StoreLock:
    """Hold a lock file; raises StoreError where another process holds it, with who that is.

    The file stays when the lock is released: a process that waits may have opened it already.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._file, 300, 0).decode(errors="replace").strip() or "another process"
            os.close(self._file)
            raise StoreError(
                f"the store {path.parent} is in use by {holder}, expected one process at a time; end that one, or "
                "choose another map_id or folder"
            ) from error
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        except OSError:  # a full disk; this process may come again once there is room
            self.release()
            raise

    def release(self) -> None:
        """Give the store free; without effect where it is already."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def refuse_link(folder: Path) -> None:
    """Raise StoreError for a map that lies elsewhere: whoever makes a link chooses what is written over."""
    if folder.is_symlink() and folder.parent.resolve() not in folder.resolve().parents:
        raise StoreError(
            f"{folder} is a link that leads out of its folder, to {folder.resolve()}, expected a folder; name that one "
            "as `folder`, or make the link one of the whole folder"
        )
