# SPDX-License-Identifier: Apache-2.0
"""Convert sensor_msgs/Image to arrays. Pure: messages of a bag, which come without ROS, have the same fields."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.ros.conversions.bridge import bridge_to_rgb
from talk2dino_ros.ros.conversions.encodings import (
    DEEP_BITS,
    LAYOUTS,
    Rgb,
    check_layout,
    decode,
    pixels,
    stretched,
)
from talk2dino_ros.ros.conversions.picture_header import check_pixels

WIDEST_PIXEL = 8  # bytes, of rgba16

# Gets the brightest value of a 16-bit image.
OnPeak = Callable[[int], None]


def ignore_peak(_peak: int) -> None:
    """Do nothing with the brightest value."""


def image_to_rgb(msg: Any, *, bits: int = DEEP_BITS, on_peak: OnPeak = ignore_peak) -> Rgb:
    """Return the image as uint8 [H, W, 3] RGB that torch.from_numpy accepts.

    rgb8 and rgba8 come as views into `msg.data`, rows apart by `step`; all others as a fresh array, one copy.
    16-bit values are scaled to 8, YUV is BT.601, Bayer mosaics are interpolated (by cv_bridge where it works).
    bits: how many of 16 the sensor uses; on_peak gets the brightest value of a 16-bit image.
    Raises ImageError: no pixels, a step or data too short, an encoding that is not a colour image's.
    """
    values = pixels(
        np.frombuffer(msg.data, np.uint8),
        msg.encoding,
        width=msg.width,
        height=msg.height,
        step=msg.step,
        big_endian=bool(msg.is_bigendian),
    )
    return values_to_rgb(values, msg.encoding, bits, on_peak)


def values_to_rgb(values: NDArray[Any], encoding: str, bits: int, on_peak: OnPeak) -> Rgb:
    """Return uint8 [H, W, 3] RGB of an encoding's values, as `encodings.pixels` returns them."""
    if values.dtype == np.uint16:
        on_peak(int(values.max()))
    values = stretched(values, bits)
    rgb = bridge_to_rgb(values, encoding) if LAYOUTS[encoding].by_bridge else None
    return decode(values, encoding) if rgb is None else rgb


def image_size(msg: Any) -> tuple[int, int]:
    """Return height and width of an image whose data is there; raise ImageError as `image_to_rgb` does."""
    check_layout(len(msg.data), msg.encoding, width=msg.width, height=msg.height, step=msg.step)
    return msg.height, msg.width


def check_image_pixels(msg: Any, most: int) -> None:
    """Raise ImageError where an image declares or brings more than `most` pixels."""
    check_pixels(msg.width, msg.height, most)
    check_bytes(len(msg.data), most)


def check_bytes(size: int, most: int) -> None:
    """Raise ImageError for more bytes than `most` pixels of any encoding have."""
    if size > most * WIDEST_PIXEL:
        raise ImageError(
            f"The image has {size} bytes, expected at most {most * WIDEST_PIXEL} for the {most} pixels of "
            "max_image_pixels; correct its publisher, or raise the parameter for a camera that is so large."
        )
