# SPDX-License-Identifier: Apache-2.0
"""Join voxels in which a word won to places: those that touch, at least by a corner, are one.

A place counts by its evidence: by how much the word won, in how many images and voxels. What is there is seen from many
sides; a word that means nothing here wins by chance, in some voxel, in one image or two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.evidence import MIN_EVIDENCE
from talk2dino_ros.perception.memory.memory_kernels import BITS, join
from talk2dino_ros.perception.memory.voxel_map import Keys, VoxelMap, voxel_centres
from talk2dino_ros.perception.memory.word_query import Floats, WordQuery, confidence_of, scores_of

MOST_PLACES = 1000
DOUBTS = 5  # images that have not decided, counted with those that saw a voxel: every word wins somewhere by chance
OUTLIVED = 0.5  # of a place's evidence counts in the order, where it was not seen again since another one is there
# Half of the 26 neighbours: each pair is found from one side.
_FORWARD = [(x << 2 * BITS) + (y << BITS) + z for x, y, z in product((-1, 0, 1), repeat=3) if (x, y, z) > (0, 0, 0)]


Point = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class FoundPlace:
    """One place where a word won.

    keys: int64 [N], its voxels. position, extent: metres in the map; the position weighted by margin. covariance: m^2,
    nine, row-major, of the surface about the position. score, margin: 0..1, means over the voxels; confidence: as the
    engine's. evidence: see `evidence_of`. first_ns, last_ns: of its voxels; detections: of the one that most images
    show, which so many show at least. view: id of the keyframe that shows it best.
    """

    keys: Keys
    position: Point
    extent: Point
    covariance: tuple[float, ...]
    score: float
    margin: float
    confidence: float
    evidence: float
    first_ns: int
    last_ns: int
    detections: int
    view: int


@dataclass(frozen=True, eq=False)
class Winners:
    """Every voxel beside a word: cosines with it and with the best that speaks against it, float32 [N] each."""

    best: Floats
    against: Floats

    @classmethod
    def of(cls, voxels: VoxelMap, query: WordQuery, words: Floats) -> Winners:
        """Compare all voxels with the query's words, float32 [M, k] in the voxels' basis."""
        return cls(*voxels.cosines(words, query.nothing))

    def margins(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return by how much the word's score is above the best other one in some voxels."""
        margins: NDArray[np.float64] = (scores_of(self.best[indices]) - scores_of(self.against[indices])).astype(float)
        return margins

    def best_margin(self, among: NDArray[np.bool_]) -> float:
        """Return how far the word's score is above the best other, where that is most; below 0 where it is nowhere."""
        won = among & (self.best > self.against)
        asked = won if won.any() else among  # all voxels' scores take longer than all else
        return float((scores_of(self.best[asked]) - scores_of(self.against[asked])).max())


@dataclass(frozen=True)
class Search:
    """Which places are wanted.

    min_score: of each voxel, 0..1. min_evidence: of each place. near, within_m: a point in the map, and how far from it
    a place may be. most: so many at most.
    """

    min_score: float = 0.0
    min_evidence: float = MIN_EVIDENCE
    near: Point | None = None
    within_m: float = 0.0
    most: int = MOST_PLACES

    def for_the_best(self) -> Search:
        """Return the search for the best place alone, however little evidence it has."""
        return replace(self, min_evidence=0.0, most=1)


ANYWHERE = Search()


def find_places(
    voxels: VoxelMap, query: WordQuery, winners: Winners, among: NDArray[np.bool_], search: Search = ANYWHERE
) -> list[FoundPlace]:
    """Return the places where the word won, best first.

    among: bool [N], the voxels that may be part of one. All places are ranked together, and described one by one only
    at the end: where a word means nothing, thousands of single voxels may have won.
    """
    indices = np.flatnonzero((winners.best > winners.against) & among)
    scores = scores_of(winners.best[indices])
    indices = indices[scores >= search.min_score]
    groups, sizes = np.unique(components(voxels.keys[indices]), return_inverse=True, return_counts=True)[1:]
    evidence = evidence_of_places(evidence_of(voxels, query, winners, indices), groups)
    wanted = evidence >= search.min_evidence
    if search.near is not None:
        wanted &= _distances(voxels, winners, indices, groups, search.near) <= search.within_m
    chosen = np.flatnonzero(wanted)
    ranks = evidence[chosen] * np.where(_outlived(voxels.columns[indices], groups, chosen), OUTLIVED, 1)
    best = chosen[np.argsort(-ranks, kind="stable")][: search.most]
    order, ends = np.argsort(groups, kind="stable"), np.cumsum(sizes)
    return [
        _place(voxels, query, winners, indices[order[ends[group] - sizes[group] : ends[group]]])
        for group in best.tolist()
    ]


def evidence_of(
    voxels: VoxelMap, query: WordQuery, winners: Winners, indices: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the evidence that each of some voxels gives for the word, float64 [N]: the logarithm of its odds.

    The odds beside the strongest that speaks against the word are the engine's, exp(logit_scale * lead), of the lead in
    the mean of all images that saw the voxel, and of DOUBTS more in which there was none. What is wrong with a word at
    a place does not go away with more images, so that their evidence is not summed.
    """
    lead = (winners.best[indices] - winners.against[indices]).astype(np.float64)
    images = voxels.columns["detections"][indices]
    evidence: NDArray[np.float64] = query.logit_scale * lead * images / (images + DOUBTS)
    return evidence


def evidence_of_places(evidence: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the evidence of places [P] from that of their voxels [N]; groups: each voxel's place, int64 [N].

    Neighbours are seen in the same images and err together, so that four times the voxels count as twice the evidence.
    """
    places: NDArray[np.float64] = np.bincount(groups, evidence) / np.sqrt(np.bincount(groups))
    return places


def _distances(
    voxels: VoxelMap, winners: Winners, indices: NDArray[np.int64], groups: NDArray[np.int64], point: Point
) -> NDArray[np.float64]:
    """Return how far the groups of voxels are from a point, metres."""
    margins = winners.margins(indices)
    centres = voxel_centres(voxels.keys[indices], voxels.cell_m)
    sums = np.bincount(groups, margins)
    weighted = [np.bincount(groups, margins * centres[:, axis]) for axis in range(3)]
    distances: NDArray[np.float64] = np.linalg.norm(np.stack(weighted, axis=1) / sums[:, None] - point, axis=1)
    return distances


def _outlived(columns: NDArray[np.void], groups: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which chosen groups were not seen again since another one is there: what was here may be there."""
    count = int(groups.max(initial=-1)) + 1
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(first, groups, columns["first_ns"])
    np.maximum.at(last, groups, columns["last_ns"])
    newest = first[chosen].max(initial=np.iinfo(np.int64).min)
    outlived: NDArray[np.bool_] = last[chosen] < newest
    return outlived


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
    margins = winners.margins(indices)
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
        float(evidence_of_places(evidence_of(voxels, query, winners, indices), np.zeros(len(indices), np.int64))[0]),
        int(columns["first_ns"].min()),
        int(columns["last_ns"].max()),
        int(columns["detections"].max()),
        int(views[np.argmax(votes)]),
    )


def _triple(values: NDArray[np.float64]) -> Point:
    x, y, z = values.tolist()
    return x, y, z
