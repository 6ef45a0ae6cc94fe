# SPDX-License-Identifier: Apache-2.0
"""The decision in plain PyTorch, any device, in strips of rows, so that memory stays bounded."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from talk2dino_ros.engine.decision.score_map import ScoreMap, background_logit

if TYPE_CHECKING:
    from talk2dino_ros.engine.decision import Decision

STRIP_VALUES = 1 << 24  # scores held at full resolution at a time, also for an 8K image


def decide_plain(
    decision: "Decision", contenders: ScoreMap, rivals: ScoreMap | None, size: tuple[int, int], ids: Tensor
) -> Tensor:
    """See `Decision`."""
    height, width = size
    classes = len(contenders.values) + (len(rivals.values) if rivals else 0)
    rows_per_strip = max(1, STRIP_VALUES // (classes * width))
    maps = [_Stretched(scores, size) for scores in (contenders, rivals) if scores]
    strips = []
    for top in range(0, height, rows_per_strip):
        rows = slice(top, min(top + rows_per_strip, height))
        strips.append(_decide_strip(decision, *(scores.strip(rows) for scores in maps)))
    winner, confidence = (torch.cat(parts) for parts in zip(*strips, strict=True))
    class_ids = torch.where(confidence > 0, ids[winner], decision.unlabeled_id)
    is_seen = class_ids != decision.unlabeled_id
    return torch.stack([class_ids, torch.where(is_seen, (confidence * 255).round(), 0)]).to(torch.uint8)


class _Stretched:
    """A score map with its columns at the image's width, to take strips of rows from."""

    def __init__(self, scores: ScoreMap, size: tuple[int, int]) -> None:
        self._columns = scores.columns(size[1])
        self._above, self._below, self._weight = scores.rows(size[0])

    def strip(self, rows: slice) -> Tensor:
        """[C, len(rows), W] at the image's size."""
        above, below = self._columns[:, self._above[rows]], self._columns[:, self._below[rows]]
        return above.lerp_(below, self._weight[rows, None])


def _decide_strip(decision: "Decision", scores: Tensor, rivals: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Winner int64 [H, W] and its probability float32 [H, W], 0 where the background wins; overwrites the scores."""
    best, winner = scores.max(dim=0)
    best_logit = torch.logit(best)
    total = torch.exp((background_logit(decision.background) - best_logit) * decision.logit_scale)
    for field in (scores, rivals):
        if field is not None:
            # in place: these are the largest tensors of all, and most of their time is fresh memory
            total += field.logit_().sub_(best_logit).mul_(decision.logit_scale).exp_().sum(dim=0)
    if decision.background is not None:
        best = torch.where(best > decision.background, best, 0)
    return winner, torch.where(best > 0, 1 / total, 0)
