# SPDX-License-Identifier: Apache-2.0
"""Join voxels in which a word won to places: those that touch, at least by a corner, are one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.memory.memory_kernels import BITS, join
from talk2dino_ros.perception.memory.voxel_map import Keys, VoxelMap, voxel_centres
from talk2dino_ros.perception.memory.word_query import Floats, WordQuery, confidence_of, scores_of

# Half of the 26 neighbours: each pair is found from one side.
_FORWARD = [(x << 2 * BITS) + (y << BITS) + z for x, y, z in product((-1, 0, 1), repeat=3) if (x, y, z) > (0, 0, 0)]


@dataclass(frozen=True, eq=False)
class FoundPlace:
    """One place where a word won.

    keys: int64 [N], its voxels. position, extent: metres in the map; the position weighted by margin. covariance: m^2,
    nine, row-major, of the surface about the position. score, margin: 0..1, means over the voxels; confidence: as the
    engine's. first_ns, last_ns, detections: of its voxels, of the best one. view: id of the keyframe that shows it best
    """

    keys: Keys
    position: tuple[float, float, float]
    extent: tuple[float, float, float]
    covariance: tuple[float, ...]
    score: float
    margin: float
    confidence: float
    first_ns: int
    last_ns: int
    detections: int
    view: int

    @property
    def rank(self) -> float:
        """Higher is better: sure, and large; four times the size counts as twice the margin."""
        return self.margin * float(np.sqrt(len(self.keys)))


@dataclass(frozen=True, eq=False)
class Winners:
    """Every voxel beside a word: cosines with it and with the best that speaks against it, float32 [N] each."""

    best: Floats
    against: Floats

    @classmethod
    def of(cls, voxels: VoxelMap, query: WordQuery, words: Floats) -> Winners:
        """Compare all voxels with the query's words, float32 [M, k] in the voxels' basis."""
        return cls(*voxels.cosines(words, query.nothing))

    def margins(self) -> Floats:
        """float32 [N]: how much higher the word's score is than the best other one, below 0 where it is not."""
        return scores_of(self.best) - scores_of(self.against)


def find_places(
    voxels: VoxelMap, query: WordQuery, winners: Winners, among: NDArray[np.bool_], min_score: float = 0.0
) -> list[FoundPlace]:
    """Return the places where the word won, best first.

    among: bool [N], the voxels that may be part of one. min_score: of each voxel, 0..1.
    """
    won = (winners.best > winners.against) & among & (scores_of(winners.best) >= min_score)
    indices = np.flatnonzero(won)
    labels = components(voxels.keys[indices])
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    groups = np.split(indices[order], starts[1:]) if len(indices) else []
    return sorted((_place(voxels, query, winners, group) for group in groups), key=lambda place: -place.rank)


def components(keys: Keys) -> NDArray[np.int64]:
    """Return a number for each key, int64 [N]: the same for voxels that are connected by their 26 neighbours."""
    order = np.argsort(keys)
    ordered, parents = keys[order], np.arange(len(keys))
    for step in _FORWARD:
        at = np.searchsorted(ordered, ordered + step)
        ones = np.flatnonzero(at < len(keys))
        ones = ones[ordered[at[ones]] == ordered[ones] + step]
        join(parents, ones, at[ones])
    labels = np.empty(len(keys), np.int64)
    labels[order] = parents
    return labels


def _place(voxels: VoxelMap, query: WordQuery, winners: Winners, indices: NDArray[np.int64]) -> FoundPlace:
    columns, keys = voxels.columns[indices], voxels.keys[indices]
    best, against = winners.best[indices], winners.against[indices]
    margins = (scores_of(best) - scores_of(against)).astype(np.float64)
    surest = int(np.argmax(margins))
    centres = voxel_centres(keys, voxels.cell_m)
    position = centres.T @ margins / margins.sum() if margins.sum() > 0 else centres.mean(axis=0)
    away = centres - position
    spread = away.T @ away / len(away) + np.eye(3) * voxels.cell_m**2 / 12  # each voxel's own
    extent = centres.max(axis=0) - centres.min(axis=0) + voxels.cell_m
    views, which = np.unique(columns["best_keyframe"], return_inverse=True)
    votes = np.bincount(which, columns["best_weight"])
    return FoundPlace(
        keys,
        _triple(position),
        _triple(extent),
        tuple(spread.ravel().tolist()),
        float(scores_of(best).mean()),
        float(margins.mean()),
        confidence_of(float(best.mean()), float(against.mean()), query.logit_scale),
        int(columns["first_ns"].min()),
        int(columns["last_ns"].max()),
        int(columns["detections"][surest]),
        int(views[np.argmax(votes)]),
    )


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z
