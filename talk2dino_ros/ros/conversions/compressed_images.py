# SPDX-License-Identifier: Apache-2.0
"""Decode sensor_msgs/CompressedImage by its format string, as compressed_image_transport writes it."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.ros.conversions.encodings import DEEP_BITS, DEPTH_ENCODINGS, LAYOUTS, Rgb
from talk2dino_ros.ros.conversions.image_pixels import OnPeak, check_bytes, ignore_peak, values_to_rgb
from talk2dino_ros.ros.conversions.picture_header import check_pixels, size_in_header

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
# Sensor orientation in EXIF is for viewers: a mask has to fit the pixels that camera_info speaks of.
DECODE_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


def compressed_to_rgb(msg: Any, *, bits: int = DEEP_BITS, on_peak: OnPeak = ignore_peak) -> Rgb:
    """Decode JPEG, PNG, WebP, TIFF and whatever else OpenCV reads to uint8 [H, W, 3] RGB; 16 bits become 8.

    The format is read as compressed_image_transport writes it: an encoding, a codec and what the codec was given.
    bits, on_peak: as for `image_to_rgb`.
    Raises ImageError where the data is empty, cut short, of no known format, or a compressed depth image.
    """
    data = bytes(msg.data)
    _check_compressed(msg.format, data)
    encoding = _stored_as_it_was(msg.format)
    if encoding:
        values = _decoded(msg.format, data, cv2.IMREAD_UNCHANGED)
        encoding = encoding.replace("16", "8") if values.dtype == np.uint8 else encoding
        if _fits(values, encoding):
            return values_to_rgb(values, encoding, bits, on_peak)
    colours = _decoded(msg.format, data, DECODE_FLAGS)
    order = "rgb" if _is_stored_swapped(msg.format) else "bgr"
    return values_to_rgb(colours, f"{order}{8 * colours.itemsize}", bits, on_peak)


def compressed_size(msg: Any) -> tuple[int, int]:
    """Return height and width by the header, without decoding; raise ImageError as `compressed_to_rgb` does."""
    data = bytes(msg.data)
    _check_compressed(msg.format, data)
    width, height = size_in_header(data) or (0, 0)
    return height, width


def check_compressed_pixels(msg: Any, most: int) -> None:
    """Raise ImageError where a picture's own header declares more than `most` pixels, or its bytes could be more."""
    check_bytes(len(msg.data), most)
    check_pixels(*(size_in_header(bytes(msg.data)) or (0, 0)), most)


def _decoded(image_format: str, data: bytes, flags: int) -> NDArray[Any]:
    """Return uint8 or uint16 [H, W] or [H, W, channels], colours as BGR."""
    try:
        values: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise _undecodable(image_format, data) from error
    if values is None or values.dtype not in (np.uint8, np.uint16):
        raise _undecodable(image_format, data)
    return values


def _check_compressed(image_format: str, data: bytes) -> None:
    if image_format.split(";", maxsplit=1)[0].strip() in DEPTH_ENCODINGS:
        raise ImageError(
            f"The compressed image's format {shorten(image_format)} is a depth image's, not that of an image to"
            " segment; remap `image` to the colour topic."
        )
    # OpenCV 4 fills the missing part of a JPEG with grey, which then would be segmented; OpenCV 5 refuses it.
    if not data or (data.startswith(JPEG_START) and JPEG_END not in data[len(data) // 2 :]):
        raise _undecodable(image_format, data)
    width, height = size_in_header(data) or (0, 0)
    if not width * height:
        raise _undecodable(image_format, data)


def _undecodable(image_format: str, data: bytes) -> ImageError:
    return ImageError(
        f"The {len(data)} bytes of a compressed image of format {shorten(image_format)} are not a whole image;"
        " publish JPEG, PNG or WebP, and look for a lossy link if it only happens at times."
    )


def _stored_as_it_was(image_format: str) -> str:
    """Return the encoding whose values the codec was given as they were; '' where it was given BGR, RGB or grey.

    compressed_image_transport turns colours to BGR for JPEG and PNG, and names that behind "compressed"; mosaics and
    grey in PNG, and everything in TIFF, go in as they are: a mosaic as one channel, rgb8 with red and blue swapped.
    """
    encoding, codec, given = _parts(image_format)
    is_as_it_was = not given and encoding in LAYOUTS and not (_is_colour(encoding) and codec in ("jpeg", "png"))
    return encoding if is_as_it_was else ""


def _fits(values: NDArray[Any], encoding: str) -> bool:
    """Whether decoded values can be that encoding's; where not, they are a picture like any other."""
    layout = LAYOUTS.get(encoding)
    channels = 1 if values.ndim == 2 else values.shape[2]
    return (
        layout is not None
        and (channels, values.dtype) == (layout.channels, np.dtype(layout.dtype))
        and layout.rows == 1  # planes of colour below the picture are no picture that a codec was given
    )


def _is_stored_swapped(image_format: str) -> bool:
    """Follow compressed_image_transport: unless its format says "compressed bgr", red and blue are stored swapped.

    Formats without its "encoding; codec" form ("jpeg", "png") are files like any other.
    """
    encoding, codec, given = _parts(image_format)
    return bool(codec) and _is_colour(encoding) and not given.startswith("bgr")


def _parts(image_format: str) -> tuple[str, str, str]:
    """Split "rgb8; jpeg compressed bgr8" into encoding, codec and what the codec was given; '' where one is missing."""
    encoding, _, rest = image_format.partition(";")
    codec, _, given = rest.strip().partition(" compressed")
    return encoding.strip(), codec, given.strip()


def _is_colour(encoding: str) -> bool:
    return encoding.startswith(("rgb", "bgr"))
