# SPDX-License-Identifier: Apache-2.0
"""The decision on a CPU, compiled by numba: a row's scores are interpolated where they are used, and never stored."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from talk2dino_ros.engine.inference.decision.score_map import ScoreMap, Sides
from talk2dino_ros.engine.runtime.bands import Bands
from talk2dino_ros.engine.runtime.compiled import compiled
from talk2dino_ros.engine.runtime.vector_math import LOG2_E, exp2, logit

if TYPE_CHECKING:
    from talk2dino_ros.engine.inference.decision import Decision

_Array = Any  # numpy arrays: numba compiles for their types by itself
_F = np.float32
_NONE = _F(-1.0)  # below every score


def decide_cpu(decision: "Decision", contenders: ScoreMap, rivals: ScoreMap | None, size: tuple[int, int]) -> Tensor:
    """See `Decision`."""
    result = np.empty((2, *size), np.uint8)
    sides = Sides.of(contenders, rivals, decision.unlabeled_id)
    constants = (
        _F(decision.logit_scale * LOG2_E),
        np.uint8(decision.unlabeled_id if decision.background_id is None else decision.background_id),
        decision.background_id is not None,
    )
    scores = tuple(_stretched(side, size) for side in sides.all)
    ids = np.array(sides.labelled.ids, np.uint8)
    floors = np.array([decision.floor_of(each) or _NONE for each in sides.labelled.ids], np.float32)
    with Bands(size[0]) as bands:
        bands.run(_decide_rows, *scores, ids, floors, constants, result)
    return torch.from_numpy(result)


def _stretched(scores: ScoreMap | None, size: tuple[int, int]) -> tuple[_Array, _Array, _Array, _Array]:
    """Return scores [C, h, W], and of each row of the image the rows above and below and the latter's weight."""
    if scores is None:
        scores = ScoreMap(torch.empty(0, 1, size[1]), align_corners=False, ids=())
    above, below, weight = scores.rows(size[0])
    return scores.columns(size[1]).contiguous().numpy(), above.numpy(), below.numpy(), weight.numpy()


@compiled
def _decide_rows(
    labelled: _Array,
    distractors: _Array,
    labelled_rivals: _Array,
    distractor_rivals: _Array,
    ids: _Array,
    floors: _Array,
    constants: _Array,
    result: _Array,
    top: int,
    bottom: int,
) -> None:
    """Fill some rows of result uint8 [2, H, W]."""
    scale, nothing_id, has_nothing = constants
    has_one_floor = floors.min() == floors.max()
    width = result.shape[2]
    best, winner, second = np.empty(width, np.float32), np.empty(width, np.int32), np.empty(width, np.float32)
    nothing, doubt, sure = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(top, bottom):
        _best_two_of_row(labelled, y, best, winner, second)
        if has_one_floor:
            nothing[:] = floors[0]
        else:
            for x in range(width):
                nothing[x] = floors[winner[x]]
        _raise_to_row(distractors, y, nothing)
        _raise_to_row(labelled_rivals, y, second)
        doubt[:] = _NONE
        _raise_to_row(distractor_rivals, y, doubt)
        for x in range(width):
            is_seen = best[x] > nothing[x]
            first = best[x] if is_seen else nothing[x]
            against = max(second[x], nothing[x], doubt[x]) if is_seen else max(best[x], second[x])
            odds = exp2((logit(against) - logit(first)) * scale)
            sure[x] = _F(255) / (_F(1) + (odds if against >= 0 else _F(0)))
        for x in range(width):
            is_seen = best[x] > nothing[x]
            result[0, y, x] = ids[winner[x]] if is_seen else nothing_id
            result[1, y, x] = np.uint8(max(np.rint(sure[x]), _F(1))) if is_seen or has_nothing else np.uint8(0)


@compiled
def _best_two_of_row(scores: _Array, y: int, best: _Array, winner: _Array, second: _Array) -> None:
    """Fill in the best score of a row's pixels, whose it is, and the best of the others."""
    columns, above, below, weights = scores
    weight = weights[y]
    best[:] = _NONE
    second[:] = _NONE
    winner[:] = 0
    for c in range(len(columns)):
        upper, lower = columns[c, above[y]], columns[c, below[y]]
        for x in range(len(best)):
            score = upper[x] + (lower[x] - upper[x]) * weight
            is_better = score > best[x]
            second[x] = max(second[x], min(score, best[x]))
            best[x] = score if is_better else best[x]
            winner[x] = c if is_better else winner[x]


@compiled
def _raise_to_row(scores: _Array, y: int, highest: _Array) -> None:
    """Raise each value to the best score of the row's pixel."""
    columns, above, below, weights = scores
    weight = weights[y]
    for c in range(len(columns)):
        upper, lower = columns[c, above[y]], columns[c, below[y]]
        for x in range(len(highest)):
            highest[x] = max(highest[x], upper[x] + (lower[x] - upper[x]) * weight)
