# SPDX-License-Identifier: Apache-2.0
"""Colours of voxels, from the pictures that show each from nearest."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.memory.keyframe import Keyframe
from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory
from talk2dino_ros.perception.memory.voxel_map import voxel_keys

UNKNOWN = 128  # grey: of voxels whose best picture is gone
_SHRINK = 4  # of each side, when a picture is read


def voxel_colours(memory: SpatialMemory) -> NDArray[np.uint8]:
    """Return uint8 [N, 3] RGB of the memory's voxels: the mean of a patch of each, in its best keyframe's picture."""
    voxels = memory.voxels
    colours = np.full((len(voxels.keys), 3), UNKNOWN, np.uint8)
    best = voxels.columns["best_keyframe"]
    for number, keyframe in memory.store:
        picture = _small_picture(keyframe)
        if picture is None:
            continue
        keys, good = voxel_keys(keyframe.points, memory.cell_m)
        found = voxels.find(keys)
        shown = np.flatnonzero(good & (found >= 0))
        shown = shown[best[found[shown]] == number]
        colours[found[shown]] = _patch_colours(picture, keyframe)[shown]
    return colours


def _small_picture(keyframe: Keyframe) -> NDArray[np.uint8] | None:
    """Return a keyframe's picture, a quarter of each side, uint8 [h, w, 3] BGR; None where there is none."""
    data = np.frombuffer(keyframe.jpeg, np.uint8)
    picture: NDArray[np.uint8] | None = cv2.imdecode(data, cv2.IMREAD_REDUCED_COLOR_4) if len(data) else None
    return picture


def _patch_colours(picture: NDArray[np.uint8], keyframe: Keyframe) -> NDArray[np.uint8]:
    """Return the mean colour of each patch, uint8 [N, 3] RGB."""
    height, width = (max(1, round(side / _SHRINK)) for side in keyframe.patch_size)
    means = cv2.blur(picture, (width, height))[..., ::-1]
    columns, rows = (np.minimum(keyframe.centres[:, axis] // _SHRINK, picture.shape[1 - axis] - 1) for axis in (0, 1))
    colours: NDArray[np.uint8] = means[rows, columns]
    return colours
