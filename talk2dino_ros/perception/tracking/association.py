# SPDX-License-Identifier: Apache-2.0
"""Associate detections with tracks: the assignment of the greatest total gain.

Where two objects of one class stand close together, the nearest pair first can leave the others with what is far; the
whole is what keeps their ids apart. Hungarian method in NumPy: the robot needs no SciPy for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def position_gains(these: Array, those: Array, reach: float) -> Array:
    """Return each pair's gain by distance, float64 [N, M]: 1 at 0, falling with its square to 0 at `reach` and beyond.

    these, those: float64 [N, 3], [M, 3], NaN where there is none, which fits nothing. The square, as the sum of plain
    distances cannot tell objects in a row that all moved along it from objects that overtook one another.
    """
    squares = ((these[:, None] - those[None]) ** 2).sum(axis=2)
    gains: Array = np.nan_to_num(np.clip(1 - squares / reach**2, 0, None), nan=0.0)
    return gains


def overlap_gains(these: Array, those: Array, least: float) -> Array:
    """Return each pair's gain by IoU of boxes (x, y, width, height), float64 [N, M]: 1 where equal, 0 up to `least`.

    these, those: float64 [N, 4], [M, 4]. Overlap is intersection over union; it falls with the square as positions do.
    """
    first, last = these[:, None, :2], these[:, None, :2] + these[:, None, 2:]
    starts = np.maximum(first, those[None, :, :2])
    ends = np.minimum(last, those[None, :, :2] + those[None, :, 2:])
    shared = np.clip(ends - starts, 0, None).prod(axis=2)
    union = these[:, 2:].prod(axis=1)[:, None] + those[:, 2:].prod(axis=1)[None] - shared
    overlap = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    gains: Array = np.clip(1 - ((1 - overlap) / (1 - least)) ** 2, 0, None)
    return gains


def best_pairs(gains: Array) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of the greatest sum of gains, each row and column at most once.

    gains: float64 [N, M], at least 0; a pair of no gain is none.
    """
    rows, columns = gains.any(axis=1).nonzero()[0], gains.any(axis=0).nonzero()[0]
    if len(rows) > len(columns):
        return sorted((row, column) for column, row in best_pairs(gains.T))
    owners = _assign(-gains[np.ix_(rows, columns)])
    pairs = [(int(rows[row]), int(columns[column])) for column, row in enumerate(owners) if row >= 0]
    return sorted((row, column) for row, column in pairs if gains[row, column] > 0)


def _assign(costs: Array) -> list[int]:
    """Give each row a column at the least total cost; the owner of each column, -1: none. N <= M.

    Shortest augmenting paths with potentials (Kuhn 1955, Jonker and Volgenant 1987): a row after the other takes its
    column, and pushes others along the cheapest chain of exchanges to a free one.
    """
    count, width = costs.shape
    row_potential, column_potential = np.zeros(count), np.zeros(width)
    owner = np.full(width, -1)
    for row in range(count):
        reached_from, column = np.full(width, -1), -1
        distance, is_done = np.full(width, np.inf), np.zeros(width, np.bool_)
        # the chain's head is the row without a column; `length` is its cost so far
        head, length = row, 0.0
        while head >= 0:
            reach = length + costs[head] - row_potential[head] - column_potential
            is_better = ~is_done & (reach < distance)
            distance[is_better], reached_from[is_better] = reach[is_better], column
            column = int(np.argmin(np.where(is_done, np.inf, distance)))
            length, is_done[column] = distance[column], True
            head = int(owner[column])
        done = is_done.nonzero()[0]
        lead = length - distance[done]
        column_potential[done] -= lead
        owned = owner[done] >= 0
        row_potential[owner[done][owned]] += lead[owned]
        row_potential[row] += length
        while column >= 0:
            previous = int(reached_from[column])
            owner[column] = owner[previous] if previous >= 0 else row
            column = previous
    return owner.tolist()  # type: ignore[no-any-return]
