# SPDX-License-Identifier: Apache-2.0
"""Changes of the past: forget for good, and move what was remembered. The voxels are made anew after each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.memory.keyframe import Keyframe
from talk2dino_ros.perception.memory.pose_path import PosePath, corrected
from talk2dino_ros.perception.memory.remembered_view import is_among, without_patches
from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory
from talk2dino_ros.perception.memory.voxel_map import voxel_centres

Floats = NDArray[np.float64]


def forget_place(memory: SpatialMemory, number: int) -> tuple[int, int]:
    """Forget what is at a place; return how many keyframes, and how many patches of others, are gone.

    Raises ForgottenPlaceError for a place that is not known.
    """
    place, cell_m = memory.place(number), memory.cell_m
    centres = voxel_centres(place.keys, cell_m)
    gone = _forget(
        memory,
        centres.min(axis=0) - cell_m,
        centres.max(axis=0) + cell_m,
        lambda keyframe: is_among(keyframe, place.keys, cell_m),
    )
    del memory.places[number]
    return gone


def forget_box(memory: SpatialMemory, one: Sequence[float], other: Sequence[float]) -> tuple[int, int]:
    """Forget what is in the box between two corners in metres; return as `forget_place` does."""
    low, high = np.minimum(one, other), np.maximum(one, other)

    def is_inside(keyframe: Keyframe) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = np.all((keyframe.points >= low) & (keyframe.points <= high), axis=1)
        return inside

    return _forget(memory, low, high, is_inside)


def forget_before(memory: SpatialMemory, stamp_ns: int) -> int:
    """Forget all keyframes from before a stamp in ns; return how many."""
    old = [number for number, reach in memory.reaches.items() if reach.stamp_ns < stamp_ns]
    memory.store.change([], old)
    memory.rebuild()
    return len(old)


def forget_all(memory: SpatialMemory) -> int:
    """Forget everything, damaged keyframes and the kind of features too; return how many keyframes."""
    count = len(memory.store.ids())
    memory.store.clear()
    memory.places.clear()
    memory.rebuild()
    return count


def correct(memory: SpatialMemory, path: PosePath, before: PosePath | None) -> tuple[int, int]:
    """Move the keyframes by a corrected path (see pose_path.py); return how many moved, and how many did not.

    Places that were found are not known any more: they may be elsewhere.
    """
    moved = []
    for number, keyframe in memory.store:
        pose = corrected(keyframe.pose, keyframe.stamp_ns, path, before)
        if pose is not None:
            moved.append((number, keyframe.stamp_ns, pose))
    memory.store.set_poses(moved)
    memory.places.clear()
    memory.rebuild()
    return len(moved), memory.keyframes - len(moved)


def _forget(
    memory: SpatialMemory, low: Floats, high: Floats, which: Callable[[Keyframe], NDArray[np.bool_]]
) -> tuple[int, int]:
    """Forget the patches that `which` (bool [N]) names, of the keyframes that reach into a box."""
    replaced: list[tuple[int, Keyframe]] = []
    removed: list[int] = []
    patches = 0
    for number in [number for number, reach in memory.reaches.items() if reach.touches(low, high)]:
        keyframe = memory.store.read(number)
        if keyframe is None or not (gone := which(keyframe)).any():
            continue
        if gone.all():
            removed.append(number)
            continue
        patches += int(gone.sum())
        replaced.append((number, without_patches(keyframe, gone)))
    memory.store.change(replaced, removed)
    memory.rebuild()
    return len(removed), patches
