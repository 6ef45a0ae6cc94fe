# SPDX-License-Identifier: Apache-2.0
"""Picture files in and out, as RGB arrays. Pillow reads them, so that there is no other colour order to mind."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.files.picture_reader import SUFFIXES, hidden_pictures, read_rgb, visible_pictures
from talk2dino_ros.viz.result_names import result_names
from talk2dino_ros.viz.terminal import printable

__all__ = [
    "SUFFIXES",
    "UnwritableError",
    "find_pictures",
    "hidden_ones",
    "read_folder",
    "read_picture",
    "write_picture",
]


class UnwritableError(ImageError):
    """A picture or a video that cannot be written, as opposed to one that cannot be read."""


def find_pictures(folder: str | Path) -> list[Path]:
    """List a folder's pictures by name, without the hidden ones. Raises ImageError where there is none."""
    folder = Path(folder)
    paths = visible_pictures(folder) if os.path.isdir(folder) else []
    if not paths:
        raise ImageError(
            f"{folder} {'holds no picture' if os.path.isdir(folder) else 'is no folder'}, "
            f"expected a folder with files ending in {', '.join(SUFFIXES)}; name another"
        )
    return paths


def hidden_ones(folder: Path) -> list[str]:
    """Return a sentence on each picture of a folder that `find_pictures` leaves out."""
    return [
        (f"{path} is hidden, expected a name without a dot at its beginning; rename it")
        for path in hidden_pictures(folder)
    ]


def read_folder(folder: str | Path) -> tuple[dict[str, npt.NDArray[np.uint8]], list[str]]:
    """Read a folder's pictures, each by a name of its own that is text, and say why the others are left out.

    Raises ImageError where none can be read.
    """
    paths, left_out = find_pictures(folder), hidden_ones(Path(folder))
    pictures = {}
    for path, name in zip(paths, result_names(paths), strict=True):
        try:
            pictures[printable(name)] = read_picture(path)
        except ImageError as error:
            left_out.append(str(error))
    if not pictures:
        raise ImageError(f"{folder} holds no picture that can be read:", *left_out)
    return pictures, left_out


def read_picture(path: str | Path) -> npt.NDArray[np.uint8]:
    """Read a picture as uint8 [H, W, 3] RGB, turned upright as its EXIF data says. Raises ImageError."""
    try:
        return np.array(read_rgb(Path(path)))
    except ImageError as error:
        raise ImageError(
            f"{path} cannot be read as a picture ({error}), expected a whole one in {', '.join(SUFFIXES)}; correct "
            "the path, or convert the picture"
        ) from error


def write_picture(path: str | Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write uint8 [H, W, 3] RGB or [H, W] gray, in the format that the file's ending names. Raises UnwritableError."""
    content = BytesIO()
    try:
        Image.fromarray(pixels).save(content, Image.registered_extensions()[Path(path).suffix.lower()])
        write_atomically(Path(path), content.getvalue())
    except (OSError, KeyError) as error:  # KeyError: no format has this ending
        raise UnwritableError(
            f"{path} could not be written ({error}), expected a folder with room for it; name another"
        ) from error
