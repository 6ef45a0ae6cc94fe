# SPDX-License-Identifier: Apache-2.0
"""Read picture files of any kind as 8-bit RGB, upright; the only reader of pictures.

Grey of more than 8 bits has its white at 65535 in 16 bits. Integers of 32 bits and floats do not say where theirs is:
it is taken to be the lowest of the usual ones that no pixel exceeds (for floats 1, 255, 65535).
"""

import threading
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from talk2dino_ros.engine.errors import ImageError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")  # of photographs; Pillow would call Ghostscript for an EPS
LARGEST = 64_000_000  # pixels beyond which one image, or a few at once, would fill the memory
_WHITES = {"u": (255, 65535, 2**32 - 1), "f": (1, 255, 65535)}  # by the kind of number
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_opening = threading.Lock()  # Pillow's own limit is one for all threads

warnings.filterwarnings("ignore", module=r"PIL\.")  # of tags and palettes that do not matter here, on the terminal


def visible_pictures(folder: Path) -> list[Path]:
    """List the pictures of a folder by name."""
    return [path for path in sorted(folder.iterdir()) if _is_picture(path) and not path.name.startswith(".")]


def hidden_pictures(folder: Path) -> list[Path]:
    """List what `visible_pictures` leaves out, such as the `._photo.jpg` that macOS puts beside a photo.jpg."""
    return [path for path in sorted(folder.iterdir()) if _is_picture(path) and path.name.startswith(".")]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def read_rgb(source: Path | BinaryIO) -> Image.Image:
    """Read a picture as Pillow's RGB, turned upright as its EXIF data says, whatever else is in them.

    Raises ImageError, whose text is the reason alone, for a damaged file and for one of more than LARGEST pixels.
    """
    try:
        with open_picture(source) as picture:
            picture.load()
            return upright(_eight_bits(picture).convert("RGB"), orientation_in(picture))
    except (MemoryError, ImageError):
        raise
    except Exception as error:  # Pillow meets garbage with whatever it stumbles over, struct.error and IndexError too
        reason = str(error).partition(" <")[0]  # Pillow adds the address of the buffer
        raise ImageError(reason or type(error).__name__) from error


def open_picture(source: Path | BinaryIO) -> Image.Image:
    """Open a picture whose pixels are not read yet. Raises ImageError for one of more than LARGEST pixels."""
    if isinstance(source, Path) and source.exists() and not source.is_file():
        raise ImageError("it is no file")  # and a pipe would be waited for
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # else it warns, or raises without the size
        try:
            picture = Image.open(source, formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    if picture.width * picture.height > LARGEST:
        picture.close()
        raise ImageError(f"it is {picture.width}x{picture.height} pixels, expected at most {LARGEST}")
    return picture


def orientation_in(picture: Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8; 1, as it is, where there is none. Pillow's `load` turns a TIFF itself."""
    try:
        found = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # as above: broken data, of which the picture does not depend
        return 1
    return found if isinstance(found, int) and found in _TURNS else 1


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turn a picture that was stored with an orientation."""
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Convert grey of more than 8 bits to 8; Pillow itself makes nearly all of it white."""
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    if picture.mode == "I":
        return _scaled(np.asarray(picture).view(np.uint32))  # Pillow has no unsigned 32 bits, and TIFF has
    return _scaled(np.asarray(picture)) if picture.mode == "F" else picture


def _scaled(values: npt.NDArray[np.generic]) -> Image.Image:
    numbers = values.astype(np.float32)
    low, high = numbers.min(), numbers.max()
    white = next((white for white in _WHITES[values.dtype.kind] if high <= white), None)
    if white is None or not low >= 0:
        raise ImageError(f"its grey values go from {low:g} to {high:g}, expected 0 to 1, 255 or 65535")
    return Image.fromarray(np.rint(numbers * (255 / white)).astype(np.uint8))
