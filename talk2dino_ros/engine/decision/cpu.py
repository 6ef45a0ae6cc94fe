# SPDX-License-Identifier: Apache-2.0
"""The decision on a CPU, compiled by numba: a row's scores are interpolated where they are used, and never stored."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from talk2dino_ros.engine.bands import Bands
from talk2dino_ros.engine.compiled import compiled
from talk2dino_ros.engine.decision.score_map import ScoreMap, background_logit
from talk2dino_ros.engine.vector_math import LOG2_E, exp2, logit

if TYPE_CHECKING:
    from talk2dino_ros.engine.decision import Decision

_Array = Any  # numpy arrays: numba compiles for their types by itself
_F = np.float32
_NO_BACKGROUND = -1.0  # below every score


def decide_cpu(
    decision: "Decision", contenders: ScoreMap, rivals: ScoreMap | None, size: tuple[int, int], ids: Tensor
) -> Tensor:
    """See `Decision`."""
    result = np.empty((2, *size), np.uint8)
    rivals = rivals or ScoreMap(torch.empty(0, 1, size[1]), align_corners=False)
    background = _NO_BACKGROUND if decision.background is None else decision.background
    constants = (
        _F(background),
        _F(background_logit(decision.background)),
        _F(decision.logit_scale * LOG2_E),
        np.uint8(decision.unlabeled_id),
    )
    with Bands(size[0]) as bands:
        bands.run(_decide_rows, _stretched(contenders, size), _stretched(rivals, size), ids.numpy(), constants, result)
    return torch.from_numpy(result)


def _stretched(scores: ScoreMap, size: tuple[int, int]) -> tuple[_Array, _Array, _Array, _Array]:
    """Scores [C, h, W], and for each row of the image the rows above and below it and the weight of the latter."""
    above, below, weight = scores.rows(size[0])
    return scores.columns(size[1]).contiguous().numpy(), above.numpy(), below.numpy(), weight.numpy()


@compiled
def _decide_rows(
    contenders: _Array, rivals: _Array, ids: _Array, constants: _Array, result: _Array, top: int, bottom: int
) -> None:
    """Fill some rows of result uint8 [2, H, W]."""
    background, background_logit, scale, unlabeled_id = constants
    width = result.shape[2]
    best, winner = np.empty(width, np.float32), np.empty(width, np.int32)
    best_power, total = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(top, bottom):
        _best_of_row(contenders, y, best, winner)
        for x in range(width):
            best_power[x] = logit(best[x]) * scale
            total[x] = exp2(background_logit * scale - best_power[x])
        _add_odds(contenders, y, scale, best_power, total)
        _add_odds(rivals, y, scale, best_power, total)
        for x in range(width):
            class_id = ids[winner[x]] if best[x] > background else unlabeled_id
            result[0, y, x] = class_id
            result[1, y, x] = np.uint8(np.rint(_F(255) / total[x])) if class_id != unlabeled_id else np.uint8(0)


@compiled
def _best_of_row(scores: _Array, y: int, best: _Array, winner: _Array) -> None:
    columns, above, below, weights = scores
    weight = weights[y]
    best[:] = -1
    winner[:] = 0
    for c in range(len(columns)):
        upper, lower = columns[c, above[y]], columns[c, below[y]]
        for x in range(len(best)):
            score = upper[x] + (lower[x] - upper[x]) * weight
            is_better = score > best[x]
            best[x] = score if is_better else best[x]
            winner[x] = c if is_better else winner[x]


@compiled
def _add_odds(scores: _Array, y: int, scale: np.float32, best_power: _Array, total: _Array) -> None:
    """Add 2 to the power of scale * logit(score) - best_power, for every class."""
    columns, above, below, weights = scores
    weight = weights[y]
    for c in range(len(columns)):
        upper, lower = columns[c, above[y]], columns[c, below[y]]
        for x in range(len(total)):
            score = upper[x] + (lower[x] - upper[x]) * weight
            total[x] += exp2(logit(score) * scale - best_power[x])
