# SPDX-License-Identifier: Apache-2.0
"""Convert the patches of an image to a message: their features, where they lie in the image, and where in space."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion
from numpy.typing import NDArray
from std_msgs.msg import Header
from talk2dino_msgs.msg import PatchFeatures

from talk2dino_ros.perception.memory.feature_basis import to_codes
from talk2dino_ros.perception.memory.remembered_view import small_jpeg

if TYPE_CHECKING:
    from talk2dino_ros.engine.inference.image_patches import ImagePatches
    from talk2dino_ros.perception.patch_places import PatchPlaces


def patches_to_msg(patches: ImagePatches, encoding: str) -> PatchFeatures:
    """Make the message of the patches alone; encoding: fp16 or int8, see the message."""
    height, width, dimensions = patches.features.shape
    data, scales = _encoded(patches.features.reshape(-1, dimensions), encoding)
    message = PatchFeatures(height=height, width=width, dimensions=dimensions, encoding=encoding)
    message.patch_height, message.patch_width = map(float, patches.size)
    message.data, message.scales, message.centres = _bytes(data), _floats(scales), _floats(patches.centres)
    return message


def describe_image(message: PatchFeatures, header: Header, rgb: NDArray[np.uint8]) -> None:
    """Add the image: its header, its size and a JPEG of uint8 [H, W, 3] RGB, see `small_jpeg`."""
    message.header = header
    message.image_height, message.image_width = rgb.shape[:2]
    message.jpeg = _bytes(np.frombuffer(small_jpeg(rgb), np.uint8))


def describe_places(message: PatchFeatures, places: PatchPlaces) -> None:
    """Add where the patches are in space, or why that is not known."""
    message.target_frame, message.no_position_reason = places.target_frame, places.reason
    message.points = _floats(places.points)
    if places.pose is not None:
        position, orientation = places.pose.position, places.pose.orientation
        message.sensor_pose = Pose(
            position=Point(**dict(zip("xyz", position, strict=True))),
            orientation=Quaternion(**dict(zip("xyzw", orientation, strict=True))),
        )


def _encoded(features: NDArray[np.float16], encoding: str) -> tuple[NDArray[np.generic], NDArray[np.float32]]:
    if encoding == "int8":
        return to_codes(features.astype(np.float32))
    return features.astype("<f2", copy=False), np.empty(0, np.float32)


def _bytes(values: NDArray[np.generic]) -> array[int]:
    content = array("B")
    content.frombytes(np.ascontiguousarray(values).data.cast("B"))
    return content


def _floats(values: NDArray[np.float32]) -> array[float]:
    content = array("f")
    if values.size:  # an empty memory cannot be cast
        content.frombytes(np.ascontiguousarray(values, np.float32).data.cast("B"))
    return content
