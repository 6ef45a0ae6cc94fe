# SPDX-License-Identifier: Apache-2.0
"""Read files that users name, regular files only: a pipe would be waited for, and a device has no end.

All that is read by a user's path goes through here; libraries that open a path by themselves get it checked before.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def kind_of(mode: int) -> str:
    """Say what a file's mode is of; "" for a regular file."""
    if stat.S_ISREG(mode):
        return ""
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "no file")


def user_path(text: str | Path) -> Path:
    """Return a path with `~` replaced; as a shell does, one of an unknown user stays as it is."""
    return Path(os.path.expanduser(text))


def check_regular(path: Path) -> Path:
    """Return a path that leads to a regular file. Raises OSError, whose strerror says what it leads to."""
    _refuse_others(_stat(path).st_mode, path)
    return path


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read its bytes. Raises OSError, whose strerror says what it is instead."""
    check_regular(path)
    # what a path leads to may change after the check: a pipe that is opened so is not waited for
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse_others(os.fstat(number).st_mode, path)
    except BaseException:
        os.close(number)
        raise
    return os.fdopen(number, "rb")


def read_regular(path: Path, most: int | None = None) -> bytes:
    """Return a regular file's bytes. most: their largest number. Raises OSError, also for a larger file."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if most is not None and size > most:
            raise OSError(errno.EFBIG, f"it has {size} bytes, and at most {most} are read", str(path))
        return file.read()


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except ValueError as error:  # what no name of a file can hold: a byte of 0, half a character
        raise OSError(errno.EINVAL, f"no file can have this name: {error}", str(path)) from error


def _refuse_others(mode: int, path: Path) -> None:
    if kind := kind_of(mode):
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(number, f"it is {kind}, and only a regular file is read", str(path))
