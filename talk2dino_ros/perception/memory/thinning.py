# SPDX-License-Identifier: Apache-2.0
"""Which keyframes go where a memory has become too large: old views of what others show better."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from talk2dino_ros.perception.memory.voxel_map import VoxelMap


def in_order_of_worth(stamps: Mapping[int, int], voxels: VoxelMap) -> list[int]:
    """Return the ids of keyframes, those that can go first, first.

    stamps: the stamp in ns of each id. First go those that are no voxel's best view, then those that are of few; of two
    with as many the older.
    """
    columns = voxels.columns
    views, counts = np.unique(columns["best_keyframe"][columns["detections"] > 0], return_counts=True)
    best_of = dict(zip(views.tolist(), counts.tolist(), strict=True))
    return sorted(stamps, key=lambda number: (best_of.get(number, 0), stamps[number], number))
