# SPDX-License-Identifier: Apache-2.0
"""Compress patch features: coefficients on an orthonormal basis, as int8 with one scale per vector.

A cosine with a word needs only the word's own coefficients. The basis grows: a patch that it keeps too little of brings
directions of its own, so that an object that comes late is not lost for looking like nothing before it (the axis that
`mini` has for a mug is empty in every picture without one). What was written before stays valid, with zeros for the new
directions; but what a keyframe lost is lost. So each brings the directions that all its patches share, and those of the
single patches that lose most. One keyframe takes at most a share of the room that is left, so that none takes it all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.int8]

MOST_DIMENSIONS = 256
TOLERANCE = 0.002  # of a patch's energy may be lost before the basis grows for it: 0.04 of a cosine at worst
SHARE_OF_ROOM = 0.25  # that one keyframe takes at most, or else so many directions:
ENOUGH_GROWTH = 32
PATCHES_DECOMPOSED = 256  # of those that lose: the decomposition of more takes time and tells the same
CODE_LIMIT = 127


@dataclass(frozen=True, eq=False)
class FeatureBasis:
    """The directions in which all remembered features lie, within a rounding.

    directions: float32 [k, D], orthonormal rows, k up to `most`; none at first.
    """

    directions: Floats
    most: int = MOST_DIMENSIONS

    @classmethod
    def empty(cls, dimensions: int, most: int = MOST_DIMENSIONS) -> FeatureBasis:
        """Return the basis of features of so many dimensions before any was seen."""
        return cls(np.zeros((0, dimensions), np.float32), min(most, dimensions))

    def __len__(self) -> int:
        return len(self.directions)

    def coefficients(self, vectors: Floats) -> Floats:
        """Return float32 [N, k] of vectors [N, D]; shorter than they were by what the basis does not hold."""
        coefficients: Floats = vectors @ self.directions.T
        return coefficients

    def lost(self, features: Floats) -> Floats:
        """Return float32 [N], 0..1: the share of each unit vector's energy that the basis does not hold."""
        kept: Floats = np.square(self.coefficients(features)).sum(axis=1)
        return np.clip(1 - kept, 0, 1)

    def grown_for(self, features: Floats) -> FeatureBasis:
        """Return a basis that begins with this one and holds unit vectors [N, D] better, itself where it is enough."""
        room = self.most - len(self)
        lost = self.lost(features)
        losing = np.flatnonzero(lost > TOLERANCE)
        if not room or not len(losing):
            return self
        rest = features[losing] - self.coefficients(features[losing]) @ self.directions
        most = min(room, max(ENOUGH_GROWTH, int(room * SHARE_OF_ROOM)))
        common = _leading(rest[:: -(-len(rest) // PATCHES_DECOMPOSED)], -(-most // 2))
        rare = _farthest(rest - (rest @ common.T) @ common, most - len(common))
        new = self._made_orthonormal(np.concatenate([common, rare]))
        return FeatureBasis(np.concatenate([self.directions, new]), self.most)

    def _made_orthonormal(self, new: Floats) -> Floats:
        """Take the traces that rounding leaves of the old directions out of the new ones, in double precision."""
        old, fresh = self.directions.astype(np.float64), new.astype(np.float64)
        fresh -= (fresh @ old.T) @ old
        orthonormal: Floats = np.linalg.qr(fresh.T)[0].T.astype(np.float32)
        return orthonormal


def _leading(vectors: Floats, most: int) -> Floats:
    """Return the directions [up to most, D] along which vectors [N, D] have all but TOLERANCE of their energy."""
    _, sizes, directions = np.linalg.svd(vectors, full_matrices=False)
    energy = np.cumsum(np.square(sizes))
    enough = int(np.searchsorted(energy, (1 - TOLERANCE) * energy[-1])) + 1
    leading: Floats = directions[: min(enough, most)]
    return leading


def _farthest(vectors: Floats, most: int) -> Floats:
    """Return directions [up to most, D], each along what is left of the vector [N, D] that loses most without it.

    One patch among hundreds has next to no share in the energy of all, and may be the mug.
    """
    rest, found = vectors.copy(), []
    for _ in range(most):
        lost = np.square(rest).sum(axis=1)
        worst = int(np.argmax(lost))
        if lost[worst] <= TOLERANCE:
            break
        found.append(rest[worst] / np.sqrt(lost[worst]))
        rest -= np.outer(rest @ found[-1], found[-1])
    return np.array(found, np.float32).reshape(-1, vectors.shape[1])


def unit_vectors(features: NDArray[np.floating]) -> tuple[Floats, NDArray[np.bool_]]:
    """Return features [N, D] at length 1, float32, and which have a direction; those without are 0."""
    vectors = np.asarray(features, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
        good = np.isfinite(lengths) & (lengths > 0)
        units = np.where(good[:, None], vectors / np.where(good, lengths, 1)[:, None], np.float32(0))
    return units, good


def to_codes(coefficients: Floats) -> tuple[Codes, Floats]:
    """Return int8 [N, k] and scales float32 [N]: coefficients are codes times scale, within half a scale."""
    scales = np.abs(coefficients).max(axis=1, initial=0).astype(np.float32) / CODE_LIMIT
    safe = np.where(scales > 0, scales, 1)
    return np.rint(coefficients / safe[:, None]).astype(np.int8), scales
