# SPDX-License-Identifier: Apache-2.0
"""The folder that problems are written to: bounded, and nothing in it is touched that is not ours. Pure."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.files.regular_files import user_path

DEFAULT = "~/.local/state/talk2dino/problems"
DESCRIPTION = "problem.json"  # makes a bag's folder a problem's
MOST_KEPT = 10
SPARED_BYTES = 500_000_000  # of the disk, which others need to live


class ProblemError(Talk2DinoError):
    """A problem that cannot be written, or one that cannot be read."""


def problem_folder(name: str) -> Path:
    """Return the folder of the parameter problem_folder."""
    return user_path(name or DEFAULT)


@contextmanager
def new_problem(folder: Path, size: int) -> Iterator[tuple[Path, Path]]:
    """Give the path to write a problem to, and that which it has after the block; then remove the oldest of many.

    size: bytes that it may take. Raises ProblemError where the disk has no room or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _check_room(folder, size)
        path = _free_name(folder)
        part = folder / f".{path.name}.part" / path.name
        shutil.rmtree(part.parent, ignore_errors=True)
        part.parent.mkdir()
        try:
            yield part, path
            part.rename(path)
        finally:
            shutil.rmtree(part.parent, ignore_errors=True)
        _remove_oldest(folder)
    except OSError as error:
        raise ProblemError(
            f"the problem cannot be written to {folder} ({error.strerror or error}), expected a folder with room for "
            f"{size / 1e6:.0f} MB; make room, or set problem_folder"
        ) from error


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + SPARED_BYTES:
        raise ProblemError(
            f"the disk of {folder} has {free / 1e6:.0f} MB left, expected {(size + SPARED_BYTES) / 1e6:.0f} MB, of "
            f"which {SPARED_BYTES / 1e6:.0f} MB are spared for others; make room, or set problem_folder"
        )


def _free_name(folder: Path) -> Path:
    name = time.strftime("problem_%Y%m%d_%H%M%S")
    paths = (folder / (name if number == 0 else f"{name}_{number}") for number in range(10_000))
    return next(path for path in paths if not path.exists() and not path.is_symlink())


def _remove_oldest(folder: Path) -> None:
    ours = [path for path in folder.glob("problem_*") if is_problem(path) and not path.is_symlink()]
    for path in sorted(ours, key=lambda each: (each.stat().st_mtime_ns, each.name))[:-MOST_KEPT]:
        shutil.rmtree(path)


def is_problem(path: Path) -> bool:
    """Whether a path is the folder of a problem."""
    return (path / DESCRIPTION).is_file()
