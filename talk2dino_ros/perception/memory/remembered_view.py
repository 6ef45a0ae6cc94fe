# SPDX-License-Identifier: Apache-2.0
"""The picture of a keyframe: a place outlined in it, or parts of it made grey because they were forgotten."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.perception.memory.keyframe import Keyframe
from talk2dino_ros.perception.memory.voxel_map import Keys, voxel_keys

OUTLINE_BGR = (0, 200, 255)
GREY = 128
QUALITY = 75  # of JPEG, libjpeg's own: a picture of LONG_SIDE has some 45 kB, of 85 it would have 65
LONG_SIDE = 640  # pixels, at most


@dataclass(frozen=True)
class RememberedPicture:
    """jpeg: with the outline. box: x, y, width, height of the place in pixels."""

    jpeg: bytes
    box: tuple[int, int, int, int]


def small_jpeg(rgb: NDArray[np.uint8]) -> bytes:
    """Return uint8 [H, W, 3] RGB as a JPEG, of at most LONG_SIDE pixels a side."""
    scale = LONG_SIDE / max(rgb.shape[:2])
    if scale < 1:
        height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
        rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return _encoded(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8))


def outlined(keyframe: Keyframe, keys: Keys, cell_m: float) -> RememberedPicture:
    """Return a keyframe's picture with the patches of some voxels outlined.

    Raises ImageError where there is no picture, or where none of the voxels is in it.
    """
    picture = _decoded(keyframe)
    mask = _mask_of(picture, keyframe, is_among(keyframe, keys, cell_m))
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        raise ImageError("the place is not in its picture, expected one of its patches there; find it again")
    cv2.drawContours(picture, contours, -1, OUTLINE_BGR, max(2, min(picture.shape[:2]) // 160))
    x, y, width, height = cv2.boundingRect(mask)
    return RememberedPicture(_encoded(picture), (x, y, width, height))


def without_patches(keyframe: Keyframe, forgotten: NDArray[np.bool_]) -> Keyframe:
    """Return a keyframe without some patches, which are grey in its picture; one that cannot be read goes too."""
    rest = keyframe.only(~forgotten)
    try:
        picture = _decoded(keyframe)
    except ImageError:
        return rest.with_jpeg(b"")
    picture[_mask_of(picture, keyframe, forgotten) > 0] = GREY
    return rest.with_jpeg(_encoded(picture))


def is_among(keyframe: Keyframe, keys: Keys, cell_m: float) -> NDArray[np.bool_]:
    """Return for each patch, bool [N], whether it lies in one of the voxels."""
    own, good = voxel_keys(keyframe.points, cell_m)
    return np.isin(own, keys) & good


def _mask_of(picture: NDArray[np.uint8], keyframe: Keyframe, patches: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return uint8 [H, W]: 255 at the patches."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    height, width = keyframe.patch_size
    for x, y in keyframe.centres[patches].astype(float).tolist():
        low = (round(x - width / 2), round(y - height / 2))
        high = (max(low[0], round(x + width / 2) - 1), max(low[1], round(y + height / 2) - 1))
        cv2.rectangle(mask, low, high, 255, cv2.FILLED)
    # centres are whole pixels, so that between two neighbours a line may be left
    closed: NDArray[np.uint8] = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return closed


def _decoded(keyframe: Keyframe) -> NDArray[np.uint8]:
    data = np.frombuffer(keyframe.jpeg, np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise ImageError(
            "the picture of the place is missing or cannot be read, expected a JPEG; ask for another place"
        )
    decoded: NDArray[np.uint8] = picture
    return decoded


def _encoded(picture: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1])[1])
