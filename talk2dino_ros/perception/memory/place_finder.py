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

MOST_PLACES = 1000
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

    def best_margin(self, among: NDArray[np.bool_]) -> float:
        """Return how far the word's score is above the best other, where that is most; below 0 where it is nowhere."""
        won = among & (self.best > self.against)
        asked = won if won.any() else among  # all voxels' scores take longer than all else
        return float((scores_of(self.best[asked]) - scores_of(self.against[asked])).max())


def find_places(
    voxels: VoxelMap,
    query: WordQuery,
    winners: Winners,
    among: NDArray[np.bool_],
    *,
    min_score: float = 0.0,
    near: tuple[float, float, float] | None = None,
    within_m: float = 0.0,
    most: int = MOST_PLACES,
) -> list[FoundPlace]:
    """Return the places where the word won, best first, `most` at most.

    among: bool [N], the voxels that may be part of one. min_score: of each voxel, 0..1. near, within_m: a point in the
    map, and how far from it a place may be. All places are ranked together, and described one by one only at the end:
    where a word means nothing, thousands of single voxels may have won.
    """
    indices = np.flatnonzero((winners.best > winners.against) & among)
    scores = scores_of(winners.best[indices])
    enough = scores >= min_score
    indices, margins = indices[enough], (scores - scores_of(winners.against[indices]))[enough].astype(np.float64)
    groups, sizes = np.unique(components(voxels.keys[indices]), return_inverse=True, return_counts=True)[1:]
    sums = np.bincount(groups, margins, len(sizes))
    ranks = sums / np.sqrt(sizes)  # of the mean, times the square root of the size
    if near is not None:
        centres = voxel_centres(voxels.keys[indices], voxels.cell_m)
        weighted = [np.bincount(groups, margins * centres[:, axis], len(sizes)) for axis in range(3)]
        away = np.stack(weighted, axis=1) / sums[:, None] - near
        ranks = np.where(np.linalg.norm(away, axis=1) <= within_m, ranks, -1)
    best = np.argsort(-ranks, kind="stable")[:most]
    order = np.argsort(groups, kind="stable")
    ends = np.cumsum(sizes)
    return [
        _place(voxels, query, winners, indices[order[ends[group] - sizes[group] : ends[group]]])
        for group in best[ranks[best] >= 0].tolist()
    ]


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
