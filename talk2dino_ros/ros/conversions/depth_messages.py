# SPDX-License-Identifier: Apache-2.0
"""Convert camera_info and depth images. Pure, as image_pixels.py."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError
from talk2dino_ros.perception.space.depth import depth_to_metres

DEPTH_TYPES = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4", "64FC1": "f8"}


def camera_info_to_model(info: Any, *, rectified: bool = False) -> CameraModel:
    """Return the model of the image that goes with a camera_info: of its region of interest, after its binning.

    rectified: the image was undistorted, so P holds and no distortion; P's fourth column, the baseline of a
    stereo pair, moves no ray of the camera itself. Raises GeometryError where the camera_info makes no sense.
    """
    matrix = np.array(info.p).reshape(3, 4)[:, :3].copy() if rectified else np.array(info.k).reshape(3, 3)
    lens, coefficients = ("", []) if rectified else (info.distortion_model, info.d)
    roi, binning = info.roi, (max(info.binning_x, 1), max(info.binning_y, 1))
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
            " bytes, of at least 1x1 pixels; mend its publisher."
        )
    values = np.ndarray((msg.height, msg.width), value, bytes(msg.data), strides=(msg.step, value.itemsize))
    return depth_to_metres(values, msg.encoding)
