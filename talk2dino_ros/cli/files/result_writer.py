# SPDX-License-Identifier: Apache-2.0
"""Write what was seen of an image: its mask, its overlay, and the record of both with their sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.cli.files.image_record import Record, make_record, points_of, sum_of_pixels, with_questions
from talk2dino_ros.cli.files.result_folder import MASK, OVERLAY, PLACES
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.files.checksums import sha256_of
from talk2dino_ros.viz.overlay import overlay
from talk2dino_ros.viz.pictures import UnwritableError, read_picture, write_picture

if TYPE_CHECKING:
    from talk2dino_ros.cli.files.image_sources import ImageSource
    from talk2dino_ros.cli.files.image_streams import Shot
    from talk2dino_ros.engine import Segmentation, Vocabulary

Rgb = NDArray[np.uint8]
Append = Callable[[Rgb], None]  # adds an image to a video


class ResultWriter:
    """Writes into a folder. A file has its name only when it is whole, and a record is made when all of them are."""

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        self._path = path
        self._vocabulary = vocabulary
        self._names = {**vocabulary.labels(), **vocabulary.questions()}

    def picture(self, source: ImageSource, shot: Shot, seen: Segmentation, with_overlay: bool) -> Record:
        """Write a picture's mask and overlay. Raises UnwritableError."""
        record = make_record(shot.rgb, seen, self._vocabulary)
        paths = [self._path / f"{source.name}{MASK}"]
        write_picture(paths[0], seen.class_ids)
        if with_overlay:
            paths.append(self._path / f"{source.name}{OVERLAY}")
            write_picture(paths[1], self._overlay(shot.rgb, seen.class_ids, record))
        return self._record(source, shot, record, paths)

    def frame(self, source: ImageSource, shot: Shot, seen: Segmentation, append: Append | None) -> Record:
        """Write the mask of a stream's image, and append its overlay to the stream's. Raises UnwritableError."""
        record = make_record(shot.rgb, seen, self._vocabulary)
        path = self._frame_path(source, shot)
        make_folder(path.parent)
        write_picture(path, seen.class_ids)
        if append is not None:
            append(self._overlay(shot.rgb, seen.class_ids, record))
        return self._record(source, shot, record, [path])

    def frame_again(self, shot: Shot, record: Record, append: Append | None) -> Record:
        """Append the overlay of an image whose mask is there, the same as `frame` did."""
        if append is not None:
            append(self._overlay(shot.rgb, self._mask_of(record), record))
        return record

    def is_there(self, source: ImageSource, shot: Shot, record: Record) -> bool:
        """Whether an image's record is of these pixels, and its mask is there."""
        return record["pixels"] == sum_of_pixels(shot.rgb) and self._frame_path(source, shot).is_file()

    def _mask_of(self, record: Record) -> Rgb:
        """Return a mask that was written, uint8 [H, W]."""
        return read_mask(self._path / record["mask"])

    def _overlay(self, rgb: Rgb, mask: Rgb, record: Record) -> Rgb:
        shown = with_questions(mask, record, self._vocabulary.questions())
        return overlay(rgb, shown, self._names, points=points_of(record))

    def _frame_path(self, source: ImageSource, shot: Shot) -> Path:
        return self._path / f"{source.name}{PLACES}" / f"{shot.number:06d}.png"

    def _record(self, source: ImageSource, shot: Shot, record: Record, paths: Sequence[Path]) -> Record:
        return {
            "image": source.name,
            "number": shot.number,
            "stamp_ns": shot.stamp_ns,
            "file": source.shown if shot.number is None else f"{source.shown}#{shot.number}",
            "state": shot.state,
            "mask": str(paths[0].relative_to(self._path)),
            "files": sums_of(self._path, paths),
            **record,
        }


def sums_of(folder: Path, paths: Sequence[Path]) -> dict[str, str]:
    """Return the sha256 sums of files by their paths in a folder."""
    return {str(path.relative_to(folder)): sha256_of(path) for path in paths}


def read_mask(path: Path) -> Rgb:
    """Read a mask of ids, uint8 [H, W]. Raises ImageError."""
    mask = read_picture(path)
    if (mask != mask[:, :, :1]).any():
        raise ImageError(f"{path} has colours, expected a mask of class ids; make it again with `talk2dino segment`")
    return np.ascontiguousarray(mask[:, :, 0])


def make_folder(path: Path) -> None:
    """Make a folder and those that it is in. Raises UnwritableError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableError(f"{path} cannot be made ({error.strerror}), expected a folder; name another") from error


def write_text(path: Path, text: str) -> None:
    """Write what a run ends with, whole or not at all. Raises UnwritableError."""
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise UnwritableError(
            f"{path} could not be written ({error.strerror}), expected room for it; make some, and give the same "
            "command again"
        ) from error
