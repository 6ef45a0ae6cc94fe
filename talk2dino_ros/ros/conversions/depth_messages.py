# SPDX-License-Identifier: Apache-2.0
"""Convert camera_info and depth images. Pure, as image_pixels.py."""

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError
from talk2dino_ros.perception.space.depth import depth_to_metres
from talk2dino_ros.ros.conversions.picture_header import size_in_header

# Before the PNG, as compressed_depth_image_transport writes it: the codec, and two numbers by which it turned 32FC1
# into 16 bits of inverse depth.
_COMPRESSED_HEAD = struct.Struct("<i2f")
PNG_START = b"\x89PNG\r\n\x1a\n"
LARGEST = 64_000_000  # pixels, as of pictures: a few kilobytes can declare gigabytes
DEPTH_TYPES = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4", "64FC1": "f8"}


def camera_info_to_model(info: Any, *, rectified: bool = False) -> CameraModel:
    """Return the model of the image that goes with a camera_info: of its region of interest, after its binning.

    rectified: the image was undistorted, so P holds and no distortion; P's fourth column, the baseline of a
    stereo pair, moves no ray of the camera itself. Raises GeometryError where the camera_info makes no sense.
    """
    matrix = np.array(info.p).reshape(3, 4)[:, :3].copy() if rectified else np.array(info.k).reshape(3, 3)
    lens, coefficients = ("", []) if rectified else (info.distortion_model, info.d)
    roi, binning = info.roi, (max(info.binning_x, 1), max(info.binning_y, 1))
    with np.errstate(over="ignore", invalid="ignore"):  # the model refuses what is not finite
        matrix[:2, 2] -= matrix[2, 2] * np.array([roi.x_offset, roi.y_offset])
    width, height = (roi.width or info.width, roi.height or info.height)
    model = CameraModel(matrix, tuple(coefficients), lens, width, height)
    return model.scaled(width // binning[0], height // binning[1])


def depth_image_to_metres(msg: Any) -> NDArray[np.float32]:
    """Return float32 [h, w] metres, NaN where there is no depth.

    Raises GeometryError: no depth encoding, no pixels, a step or data too short.
    """
    if msg.encoding not in DEPTH_TYPES:
        return depth_to_metres(np.empty((0, 0)), msg.encoding)  # knows what to say
    value = np.dtype(DEPTH_TYPES[msg.encoding]).newbyteorder(">" if msg.is_bigendian else "<")
    if (
        msg.width < 1
        or msg.height < 1
        or msg.step < msg.width * value.itemsize
        or len(msg.data) < msg.height * msg.step
    ):
        raise GeometryError(
            f"The depth image is {msg.width}x{msg.height} {msg.encoding} pixels at step {msg.step} in"
            f" {len(msg.data)} bytes, expected a step of at least {msg.width * value.itemsize} and step x height"
            " bytes, of at least 1x1 pixels; correct its publisher."
        )
    values = np.ndarray((msg.height, msg.width), value, bytes(msg.data), strides=(msg.step, value.itemsize))
    return depth_to_metres(values, msg.encoding)


def _decoded(png: bytes) -> NDArray[Any] | None:
    """Return the pixels; None where there are none. Raises GeometryError for more than could be a depth image's."""
    width, height = size_in_header(png) or (0, 0)
    if width * height > LARGEST:
        raise GeometryError(
            f"A compressed depth image declares {width}x{height} pixels, expected at most {LARGEST}; correct its"
            " publisher."
        )
    values: NDArray[Any] | None = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    return values


def compressed_depth_to_metres(msg: Any) -> NDArray[np.float32]:
    """Return float32 [h, w] metres, NaN where there is no depth, of a CompressedImage with compressed depth.

    Raises GeometryError: another codec than PNG, data cut short, too many pixels, no depth encoding.
    """
    data, encoding = bytes(msg.data), str(msg.format).partition(";")[0].strip()
    start = data.find(PNG_START, 0, _COMPRESSED_HEAD.size + len(PNG_START))
    values = None if start < 0 else _decoded(data[start:])
    if values is None or values.dtype != np.uint16 or values.ndim != 2:
        raise GeometryError(
            f"The {len(data)} bytes of a compressed depth image of format {shorten(str(msg.format))} are not a"
            " whole PNG of 16 bits; publish compressedDepth by png, or raw depth."
        )
    if encoding != "32FC1":
        return depth_to_metres(values, encoding)
    if start != _COMPRESSED_HEAD.size:
        raise GeometryError("A compressed depth image of 32FC1 has no head, expected one; publish compressedDepth.")
    _, scale, offset = _COMPRESSED_HEAD.unpack_from(data)
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = np.where(values == 0, np.nan, scale / (values.astype(np.float32) - np.float32(offset)))
    return depth_to_metres(metres, encoding)
