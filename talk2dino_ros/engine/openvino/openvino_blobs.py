# SPDX-License-Identifier: Apache-2.0
"""Converted image encoders on disk, so that a size is converted once: a file each in the user's cache folder.

A file is what OpenVINO exports, then a tail of this module's: what the encoder is, and a sum that shows damage.
"""

import hashlib
import io
import logging
import os
import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from struct import Struct
from struct import error as StructError
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.files.atomic_write import replaced_whole
from talk2dino_ros.engine.files.cache_folder import standard_folder

FOLDER = "openvino"
KEPT_BYTES = 4 << 30  # of all files together; beyond it those go whose last use is longest ago
_TAIL = Struct("<8sIII")
_PART = 1 << 20
_MAGIC = b"t2d_ov_1"  # the number is that of the tail's layout
# OSError, RuntimeError: the disk, or a user without a home folder; the others: of a file that is none of ours
_UNUSABLE = (OSError, RuntimeError, ValueError, StructError)

logger = logging.getLogger("talk2dino")


class Traits(NamedTuple):
    """What an encoder is, apart from its weights."""

    patch_size: int
    has_attention: bool


class Key(NamedTuple):
    """What a file is for: images of height x width pixels, with or without the class token's attention."""

    height: int
    width: int
    with_attention: bool


class Blobs:
    """The files of one model with its weights, in one precision, by one version of OpenVINO on one CPU.

    name: for a person. subject: all that they depend on but the size.
    """

    def __init__(self, name: str, subject: str) -> None:
        self._prefix = f"{re.sub('[^A-Za-z0-9_]', '_', name)}-{hashlib.sha256(subject.encode()).hexdigest()[:24]}"

    def path(self, key: Key) -> Path:
        """Return where the file of a size is, there or not. Raises RuntimeError for a user without a home folder."""
        attention = "-attention" if key.with_attention else ""
        return standard_folder() / FOLDER / f"{self._prefix}-{key.width}x{key.height}{attention}.blob"

    def traits(self) -> Traits | None:
        """Return what the encoder is, from any of its files that is whole; None: there is none."""
        with suppress(OSError, RuntimeError):
            for path in sorted((standard_folder() / FOLDER).glob(f"{self._prefix}-*.blob")):
                if (found := _opened(path)) is not None:
                    return found[0]
        return None

    def read(self, key: Key) -> npt.NDArray[np.uint8] | None:
        """Return what was exported for a size, uint8 [bytes], mapped from the disk; None where it is not there, or
        damaged, which is said.
        """
        try:
            path = self.path(key)
        except RuntimeError:
            return None
        found = _opened(path)
        if found is None:
            return None
        with suppress(OSError):  # a folder that may be read alone serves all the same
            os.utime(path)
        return found[1]

    def write(self, key: Key, traits: Traits, export: Callable[[Any], None]) -> bool:
        """Keep what `export` writes into a binary file; tells whether that could be done, and says why not."""
        try:
            path = self.path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            with replaced_whole(path) as part:
                _fill(part, traits, export)
        except (OSError, RuntimeError) as error:
            logger.warning(
                "the image encoder that was converted for OpenVINO cannot be kept (%s), so that each start converts it "
                "again; make the folder writable, or set XDG_CACHE_HOME to one that is",
                error,
            )
            return False
        _limit(path)
        return True


class _Into(io.BytesIO):
    """Passes on to a file what OpenVINO writes, which takes a BytesIO alone: a copy in memory is as large as the file.

    It goes back to fill in sizes, so that a sum has to wait for the end.
    """

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file

    def write(self, data: Any) -> int:
        return int(self._file.write(data))

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        return int(self._file.seek(position, whence))


def _fill(part: Path, traits: Traits, export: Callable[[Any], None]) -> None:
    with part.open("w+b") as file:
        export(_Into(file))
        crc32 = _crc32(file, file.seek(0, os.SEEK_END))
        file.write(_TAIL.pack(_MAGIC, crc32, *traits))
        file.flush()
        os.fsync(file.fileno())


def _opened(path: Path) -> tuple[Traits, npt.NDArray[np.uint8]] | None:
    try:
        with path.open("rb") as file:
            size = max(0, file.seek(0, os.SEEK_END) - _TAIL.size)
            file.seek(size)
            magic, crc32, patch_size, has_attention = _TAIL.unpack(file.read())
            if magic != _MAGIC or crc32 != _crc32(file, size):
                raise ValueError("its sum is not the one it carries")
            # "c": OpenVINO takes only what it could write to; nothing of it reaches the disk
            body = np.memmap(file, dtype=np.uint8, mode="c", shape=(size,))
    except FileNotFoundError:
        return None
    except _UNUSABLE as error:
        logger.warning("%s cannot be used (%s), so that its size is converted again; nothing is lost", path, error)
        return None
    return Traits(patch_size, bool(has_attention)), body


def _crc32(file: BinaryIO, size: int) -> int:
    """Sum a file's first bytes, and stay behind them; to sum what is mapped would bring it into memory."""
    crc32 = 0
    file.seek(0)
    for position in range(0, size, _PART):
        crc32 = zlib.crc32(file.read(min(_PART, size - position)), crc32)
    return crc32


def _limit(newest: Path) -> None:
    """Delete those whose last use is longest ago beyond KEPT_BYTES, never the newest."""
    with suppress(OSError):
        files = [(each.stat(), each) for each in newest.parent.glob("*.blob") if each != newest]
        left = KEPT_BYTES - newest.stat().st_size
        for stat, each in sorted(files, key=lambda pair: -pair[0].st_mtime):
            left -= stat.st_size
            if left < 0:
                each.unlink(missing_ok=True)
