# SPDX-License-Identifier: Apache-2.0
"""Checksums of files: sha256 and git blob ids."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.files.regular_files import open_regular

_CHUNK = 1 << 20


@dataclass(frozen=True)
class KnownSum:
    """Expected checksum of a file: leading digits of its sha256, or all 40 of its git blob id.

    Without digits nothing is known.
    """

    digits: str = ""
    is_git_blob: bool = False

    @property
    def kind(self) -> str:
        return "git blob id" if self.is_git_blob else "sha256 sum"

    def found_in(self, path: Path) -> str:
        """Return the file's own sum of this kind."""
        return git_blob_id_of(path) if self.is_git_blob else sha256_of(path)

    def fits(self, found: str) -> bool:
        return found == self.digits if self.is_git_blob else found.startswith(self.digits)


def sha256_of(path: Path) -> str:
    """Return a file's sha256 as 64 hexadecimal digits."""
    return _digest(path, hashlib.sha256())


def git_blob_id_of(path: Path) -> str:
    """Return the name that git gives to a file's content: the sha1 of its size and itself, 40 hexadecimal digits."""
    return _digest(path, hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False))


def _digest(path: Path, digest: Any) -> str:
    with open_regular(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return str(digest.hexdigest())


def sum_of_files(folder: Path, patterns: Sequence[str]) -> str:
    """Return the sha256 of all files of a folder that have one of these patterns, names included."""
    digest = hashlib.sha256()
    for file in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        digest.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def file_state(path: Path) -> str:
    """Return a fingerprint of a file's size and times that changes with its content, without reading it."""
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_dev} {stat.st_ino}"


def check_unchanged(states: Mapping[Path, str]) -> None:
    """Raise WeightsError where a model's file is no longer as it was; states: by `file_state`, as it was loaded."""
    for path, state in states.items():
        if file_state(path) != state:
            raise WeightsError(
                f"{path} has changed since the model was loaded, expected the same file; "
                "load the model again (cleanup and configure)"
            )
