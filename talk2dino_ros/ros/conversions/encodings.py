# SPDX-License-Identifier: Apache-2.0
"""Decode the colour encodings of sensor_msgs/Image to RGB.

Here, and nowhere else, colour order, row padding and byte order are settled. A table holds one row per encoding;
which bytes a row of pixels takes comes from the same table that says how they are read.

OpenCV names a Bayer pattern by the second row's second and third pixel, ROS by the first row's first two:
`bayer_rggb8` is OpenCV's BayerBG. sensor_msgs defines no colour space for YUV; as OpenCV and cv_bridge do,
it is read as BT.601 with the video range 16..235.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.text.class_entries import shorten

Rgb = NDArray[np.uint8]

DEEP_BITS = 16
SENSOR_BITS = (10, 12, 14)  # of sensors whose values come in 16 bits, the upper ones 0


@dataclass(frozen=True)
class Layout:
    """Memory layout of an encoding and its conversion to RGB."""

    to_rgb: Callable[[NDArray[Any]], Rgb]
    channels: int = 1  # values per pixel; [H, W] where 1, else [H, W, channels]
    dtype: str = "u1"  # of one value, without its byte order
    rows: float = 1  # rows of memory per row of the image: planar chroma follows the luma
    even: str = ""  # sides that chroma, shared between neighbours, needs to be even: "w", "wh"
    wide_chroma: bool = False  # a row of chroma takes two rows of memory, padding after the second
    by_bridge: bool = False  # served by cv_bridge where there is one


def decode(values: NDArray[Any], encoding: str) -> Rgb:
    """Turn the values that `pixels` returned for an encoding into uint8 [H, W, 3] RGB.

    rgb8 and rgba8 stay a view. All others become a fresh array: torch takes no negative strides, which a view of
    bgr8 would have.
    """
    return LAYOUTS[encoding].to_rgb(values)


def pixels(
    data: NDArray[np.uint8], encoding: str, *, width: int, height: int, step: int, big_endian: bool
) -> NDArray[Any]:
    """Return the image's values without padding and in this machine's byte order.

    data: uint8 [N]; step: bytes per row, padding included. Returns [H, W] or [H, W, channels] (of planar YUV, the
    rows of chroma below those of luma), uint8 (a view into `data`) or uint16 (a copy).
    Raises ImageError where the encoding is not a colour image's or the sizes contradict each other.
    """
    layout = check_layout(len(data), encoding, width=width, height=height, step=step)
    value = np.dtype(layout.dtype).newbyteorder(">" if big_endian else "<")
    shape = (int(height * layout.rows), width, layout.channels)
    strides = (step, layout.channels * value.itemsize, value.itemsize)
    values: NDArray[Any] = np.ndarray(shape, value, buffer=data.data, strides=strides)
    if layout.wide_chroma:
        chroma = np.ndarray((height, 2 * width), value, data.data, height * step, (2 * step, 1))
        values = np.concatenate([values[:height, :, 0], chroma.reshape(2 * height, width)])[:, :, None]
    if value.itemsize > 1:
        values = values.astype(value.newbyteorder("="), order="C")
    return values[:, :, 0] if layout.channels == 1 else values


def check_layout(size: int, encoding: str, *, width: int, height: int, step: int) -> Layout:
    """Return the encoding's layout; raise ImageError where `size` bytes cannot hold such an image."""
    layout = _layout(encoding)
    _check_sizes(layout, encoding, width, height)
    _check_bytes(layout, size, encoding, width=width, height=height, step=step)
    return layout


def stretched(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Scale 16-bit values of a sensor with `bits` significant bits to 0..65535; return others as they are.

    Values beyond `bits` become the brightest one.
    """
    if values.dtype != np.uint16 or bits == DEEP_BITS:
        return values
    brightest = 2**bits - 1
    deep: NDArray[Any] = np.rint(np.minimum(values, brightest) * np.float32(65535 / brightest)).astype(np.uint16)
    return deep


def bits_hint(peak: int, bits: int) -> str:
    """Return the sentence for 16-bit images whose brightest value does not fit to `bits` of a sensor; '' if it does."""
    if 0 < peak < 2 ** SENSOR_BITS[-1] and bits == DEEP_BITS:
        fitting = next(each for each in SENSOR_BITS if peak < 2**each)
        return (
            f"the brightest value of a 16-bit image is {peak}, expected up to 65535, so that it is dark; for a sensor "
            f"of {fitting} bits set image_bits to {fitting}"
        )
    if peak >= 2**bits:
        return (
            f"the brightest value of a 16-bit image is {peak}, expected up to {2**bits - 1} by image_bits {bits}, so "
            f"that brighter ones are cut; set image_bits to {peak.bit_length()} or more"
        )
    return ""


def _layout(encoding: str) -> Layout:
    if encoding in LAYOUTS:
        return LAYOUTS[encoding]
    if encoding in DEPTH_ENCODINGS:
        raise ImageError(
            f"The encoding {shorten(encoding)} is a depth image's, not that of an image to segment;"
            " remap `image` to the colour topic."
        )
    raise ImageError(
        f"The encoding {shorten(encoding)} is not a colour image's; let the camera publish one of {', '.join(LAYOUTS)}."
    )


def _check_sizes(layout: Layout, encoding: str, width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise ImageError(f"The image is {width}x{height} pixels; it needs at least 1x1, so correct its publisher.")
    if ("w" in layout.even and width % 2) or ("h" in layout.even and height % 2):
        raise ImageError(
            f"The {encoding} image is {width}x{height} pixels, but its neighbours share their colour and so"
            " need even sizes; let the camera publish even ones."
        )


def _check_bytes(layout: Layout, size: int, encoding: str, *, width: int, height: int, step: int) -> None:
    row_bytes = width * layout.channels * np.dtype(layout.dtype).itemsize
    if step < row_bytes:
        raise ImageError(
            f"The image's step is {step}, but a row of {width} {encoding} pixels takes {row_bytes} bytes;"
            " correct its publisher."
        )
    needed = int(height * layout.rows) * step
    if size < needed:
        raise ImageError(
            f"The image's data has {size} bytes, but its height of {height} {encoding} rows at step {step}"
            f" takes {needed}; correct its publisher."
        )


def _first_three(values: NDArray[Any]) -> Rgb:
    return _to_8_bit(values[:, :, :3])


def _convert(code: int) -> Callable[[NDArray[Any]], Rgb]:
    def to_rgb(values: NDArray[Any]) -> Rgb:
        return _to_8_bit(cv2.cvtColor(values, code))

    return to_rgb


def _to_8_bit(rgb: NDArray[Any]) -> Rgb:
    """Scale 0..65535 to 0..255, rounded, as cv_bridge does."""
    if rgb.dtype != np.uint16:
        return rgb
    return cast(Rgb, cv2.convertScaleAbs(np.ascontiguousarray(rgb), alpha=255 / 65535))


def _nv24_to_rgb(values: NDArray[Any]) -> Rgb:
    height, width = values.shape[0] // 3, values.shape[1]
    chroma = values[height:].reshape(height, width, 2)
    return cast(Rgb, cv2.transform(np.dstack([values[:height], chroma]), YUV_TO_RGB))


# ITU-R BT.601: Y 16..235 and U, V 16..240 around 128 become 0..255; the last column subtracts the offsets.
_GAINS = np.array([[1.164384, 0.0, 1.596027], [1.164384, -0.391762, -0.812968], [1.164384, 2.017232, 0.0]])
YUV_TO_RGB = np.column_stack([_GAINS, _GAINS @ [-16.0, -128.0, -128.0]])

BAYER_CODES = {
    "bayer_rggb": cv2.COLOR_BayerBG2RGB,
    "bayer_bggr": cv2.COLOR_BayerRG2RGB,
    "bayer_gbrg": cv2.COLOR_BayerGR2RGB,
    "bayer_grbg": cv2.COLOR_BayerGB2RGB,
}

LAYOUTS = {
    "rgb8": Layout(_first_three, channels=3),
    "bgr8": Layout(_convert(cv2.COLOR_BGR2RGB), channels=3),
    "rgba8": Layout(_first_three, channels=4),
    "bgra8": Layout(_convert(cv2.COLOR_BGRA2RGB), channels=4),
    "mono8": Layout(_convert(cv2.COLOR_GRAY2RGB)),
    # cv_bridge leaves the meaning of these open; they come from nodes that hand OpenCV's arrays, which are BGR,
    # to cv2_to_imgmsg without naming an encoding.
    "8UC1": Layout(_convert(cv2.COLOR_GRAY2RGB)),
    "8UC3": Layout(_convert(cv2.COLOR_BGR2RGB), channels=3),
    "8UC4": Layout(_convert(cv2.COLOR_BGRA2RGB), channels=4),
    "mono16": Layout(_convert(cv2.COLOR_GRAY2RGB), dtype="u2", by_bridge=True),
    "rgb16": Layout(_first_three, channels=3, dtype="u2", by_bridge=True),
    "bgr16": Layout(_convert(cv2.COLOR_BGR2RGB), channels=3, dtype="u2", by_bridge=True),
    "rgba16": Layout(_first_three, channels=4, dtype="u2", by_bridge=True),
    "bgra16": Layout(_convert(cv2.COLOR_BGRA2RGB), channels=4, dtype="u2", by_bridge=True),
    **{f"{name}8": Layout(_convert(code), by_bridge=True) for name, code in BAYER_CODES.items()},
    **{f"{name}16": Layout(_convert(code), dtype="u2", by_bridge=True) for name, code in BAYER_CODES.items()},
    "yuv422": Layout(_convert(cv2.COLOR_YUV2RGB_UYVY), channels=2, even="w", by_bridge=True),
    "yuv422_yuy2": Layout(_convert(cv2.COLOR_YUV2RGB_YUY2), channels=2, even="w", by_bridge=True),
    "uyvy": Layout(_convert(cv2.COLOR_YUV2RGB_UYVY), channels=2, even="w"),
    "yuyv": Layout(_convert(cv2.COLOR_YUV2RGB_YUY2), channels=2, even="w"),
    "nv12": Layout(_convert(cv2.COLOR_YUV2RGB_NV12), rows=1.5, even="wh"),
    "nv21": Layout(_convert(cv2.COLOR_YUV2RGB_NV21), rows=1.5, even="wh"),
    "nv24": Layout(_nv24_to_rgb, rows=3, wide_chroma=True),
}

DEPTH_ENCODINGS = frozenset({"16UC1", "32FC1", "64FC1"})
