# SPDX-License-Identifier: Apache-2.0
"""Voxels of a map: what was seen in each, how often and when, and whether it was seen through since.

Derived from keyframes, in their order, and the same to the bit each time. A hash table of int64 keys over plain arrays.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.memory.keyframe import MILLIMETRE, Keyframe
from talk2dino_ros.perception.memory.memory_kernels import (
    BITS,
    EMPTY,
    HALF,
    VoxelTable,
    cosines,
    drop_gone,
    enter,
    hit,
    look_up,
    see_through,
)

Keys = NDArray[np.int64]
Floats = NDArray[np.float32]

COLUMNS = np.dtype(
    [
        ("first_ns", np.int64),
        ("last_ns", np.int64),
        ("weight", np.float32),
        ("scale", np.float32),  # of the codes
        ("best_weight", np.float32),
        ("best_keyframe", np.int32),  # the one that saw it from nearest
        ("hit_in", np.int32),
        ("passed_in", np.int32),
        ("detections", np.int32),  # keyframes that hit it; 0: gone
        ("passed", np.int32),  # keyframes that saw through it since
    ]
)
CELL_M = 0.1  # the side of a voxel, unless it is set
FULL_WEIGHT_M = 1.0  # a patch that is farther covers more than a voxel, and counts less
GROWTH = 1.25
LEAST_ROOM = 4096
MOST_THREADS = 4
DEAD_SHARE = 0.25  # of the voxels: they are dropped before the arrays grow


def voxel_keys(points: NDArray[np.floating], cell_m: float) -> tuple[Keys, NDArray[np.bool_]]:
    """Return the keys int64 [N] of points [N, 3] in metres, and which have one: finite, and within a million voxels."""
    cells = np.floor(np.asarray(points, np.float64) / cell_m)
    with np.errstate(invalid="ignore"):
        good: NDArray[np.bool_] = np.all(np.abs(cells) < HALF - 2, axis=1)  # a border of one: neighbours have keys too
    x, y, z = np.where(good[:, None], cells, 0).astype(np.int64).T + HALF
    return x << 2 * BITS | y << BITS | z, good


def voxel_centres(keys: Keys, cell_m: float) -> NDArray[np.float64]:
    """Return the centres float64 [N, 3] in metres of the voxels of keys."""
    mask = (1 << BITS) - 1
    cells = np.stack([keys >> 2 * BITS, keys >> BITS & mask, keys & mask], axis=1) - HALF
    return (cells + 0.5) * cell_m


class VoxelMap:
    """Voxels of side cell_m metres, with features of `width` coefficients.

    keys: int64 [N]; codes: int8 [N, width]; columns: COLUMNS [N]; each with room for more. Those with no detections are
    gone. `removed`: how many were seen through until they were.
    """

    def __init__(self, cell_m: float, width: int) -> None:
        self.cell_m = cell_m
        self.width = width
        self.clear()

    def clear(self) -> None:
        """Drop all voxels."""
        self._count = 0
        self.removed = 0
        self._keys = np.zeros(LEAST_ROOM, np.int64)
        self._codes = np.zeros((LEAST_ROOM, self.width), np.int8)
        self._columns = np.zeros(LEAST_ROOM, COLUMNS)
        self._clear_tables(2 * LEAST_ROOM)

    def __len__(self) -> int:
        """Return how many voxels there are, without those that are gone."""
        return int(np.count_nonzero(self.columns["detections"]))

    @property
    def _table(self) -> VoxelTable:
        return VoxelTable(self._keys, self._columns, self._codes, self._slots, self._blocks)

    @property
    def keys(self) -> Keys:
        """int64 [N]."""
        return self._keys[: self._count]

    @property
    def codes(self) -> NDArray[np.int8]:
        """int8 [N, width]."""
        return self._codes[: self._count]

    @property
    def columns(self) -> NDArray[np.void]:
        """COLUMNS [N]."""
        return self._columns[: self._count]

    @property
    def features(self) -> Floats:
        """float32 [N, width]: the weighted means of the coefficients."""
        features: Floats = self.codes * self.columns["scale"][:, None]
        return features

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self._keys.nbytes + self._codes.nbytes + self._columns.nbytes + self._slots.nbytes + self._blocks.nbytes

    def add(self, keyframe: Keyframe, number: int) -> None:
        """Take in a keyframe by its id: what its patches hit, and what their rays passed."""
        points = keyframe.points
        keys, good = voxel_keys(points, self.cell_m)
        self._make_room(int(good.sum()))
        distances = np.linalg.norm(keyframe.millimetres * MILLIMETRE, axis=1)
        weights = np.minimum(1, (FULL_WEIGHT_M / np.maximum(distances, MILLIMETRE)) ** 2).astype(np.float32)
        self._count = hit(
            self._table,
            self._count,
            keys[good],
            np.ascontiguousarray(keyframe.codes[good]),
            np.ascontiguousarray(keyframe.scales[good], np.float32),
            weights[good],
            keyframe.stamp_ns,
            number,
        )
        sensor = np.array(keyframe.pose.position)
        self.removed += see_through(self._table, sensor, points[good], self.cell_m, number)

    def find(self, keys: Keys) -> NDArray[np.int64]:
        """Return the indices [M] of the voxels of keys [M]; EMPTY (-1) for those that are not there."""
        found = np.empty(len(keys), np.int64)
        look_up(self._table, keys, found)
        return found

    def cosines(self, words: Floats, nothing: float) -> tuple[Floats, Floats]:
        """Compare each voxel with words [M, k], the first of which is asked for.

        Returns float32 [N] twice: the cosine with the first, and the highest with one of the others, or `nothing` where
        that is higher, or is higher than the first already. Those of voxels that are gone are -2 and 2.
        """
        best, against = np.empty(self._count, np.float32), np.empty(self._count, np.float32)
        words = np.ascontiguousarray(words[:, : self.width], np.float32)
        threads = min(MOST_THREADS, len(os.sched_getaffinity(0)))
        edges = [self._count * part // threads for part in range(threads + 1)]

        def compare(first: int, last: int) -> None:
            cosines(self._codes, self._columns, words, best, against, nothing, first, last)

        with ThreadPoolExecutor(threads, thread_name_prefix="voxels") as pool:
            for _ in pool.map(compare, edges[:-1], edges[1:]):
                pass
        return best, against

    def _make_room(self, more: int) -> None:
        """Have room for so many more voxels: without those that are gone, or in larger arrays."""
        if self._count + more <= len(self._keys):
            return
        if self._count - len(self) >= DEAD_SHARE * self._count:
            self._drop_gone()
        if self._count + more > len(self._keys):
            self._grow(max(int(len(self._keys) * GROWTH), self._count + more))

    def _drop_gone(self) -> None:
        self._count = drop_gone(self._table, self._count)
        self._enter_all(len(self._slots))

    def _grow(self, room: int) -> None:
        """Grow the arrays in place: a copy would take the memory of both for a moment."""
        self._keys.resize(room, refcheck=False)
        self._codes.resize((room, self.width), refcheck=False)
        self._columns.resize(room, refcheck=False)
        slots = len(self._slots)
        while slots < 1.5 * room:
            slots *= 2
        if slots > len(self._slots):
            self._enter_all(slots)

    def _enter_all(self, slots: int) -> None:
        self._clear_tables(slots)
        enter(self._table, self._count)

    def _clear_tables(self, slots: int) -> None:
        self._slots = np.full(slots, EMPTY, np.int32)
        self._blocks = np.full((slots, 2), (EMPTY, 0), np.int64)
