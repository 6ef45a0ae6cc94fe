# SPDX-License-Identifier: Apache-2.0
"""Write files atomically: whole or not at all."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from talk2dino_ros.engine.files.regular_files import kind_of


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file in one step, so that it is never half written, in an existing folder.

    Raises OSError; what was there stays. A power cut in the middle leaves a hidden file that ends in `.part`.
    """
    with replaced_whole(path) as part, part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replaced_whole(path: Path, ending: str = "") -> Iterator[Path]:
    """Give the path of a new file to fill, whose name ends in `ending`; it takes `path`'s place after the block.

    What was there keeps its permissions, and stays as it is where the block or the replacement raises. Raises OSError.
    """
    target = file_to_replace(path)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part{ending}")  # of this process, on any machine
    try:
        yield part
        if target.exists():
            part.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(part, target)
    except BaseException as error:
        if isinstance(error, OSError) and str(error.filename) == str(part):
            error.filename = str(path)  # which a person has named
        with suppress(OSError):  # what kept the file from being written may keep the part too
            part.unlink(missing_ok=True)
        raise


def file_to_replace(path: Path) -> Path:
    """Return the file to replace: the target of a link, whether or not it exists.

    Raises OSError for anything but a regular file, such as /dev/null, which a rename would destroy for all.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return path.resolve()
    if kind := kind_of(mode):
        raise OSError(errno.EINVAL, f"it is {kind}, and only a regular file is replaced", str(path))
    return path.resolve()
