# SPDX-License-Identifier: Apache-2.0
"""The decision in plain PyTorch, any device, in strips of rows, so that memory stays bounded."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from talk2dino_ros.engine.inference.decision.score_map import ScoreMap, Sides

if TYPE_CHECKING:
    from talk2dino_ros.engine.inference.decision import Decision

STRIP_VALUES = 1 << 24  # scores held at full resolution at a time, also for an 8K image


def decide_plain(decision: "Decision", contenders: ScoreMap, rivals: ScoreMap | None, size: tuple[int, int]) -> Tensor:
    """See `Decision`."""
    height, width = size
    sides = Sides.of(contenders, rivals, decision.unlabeled_id)
    device = contenders.values.device
    ids = torch.tensor(sides.labelled.ids, dtype=torch.uint8, device=device)
    floors = torch.tensor([decision.floor_of(each) for each in sides.labelled.ids], device=device)
    rows_per_strip = max(1, STRIP_VALUES // (sum(len(side.ids) for side in sides.all if side) * width))
    maps = [Stretched(side.values, size, side.align_corners) if side else None for side in sides.all]
    strips = []
    for top in range(0, height, rows_per_strip):
        rows = slice(top, min(top + rows_per_strip, height))
        strips.append(
            _decide_strip(decision, ids, floors, *(scores.strip(rows) if scores else None for scores in maps))
        )
    return torch.cat(strips, dim=1)


class Stretched:
    """A score map [C, h, w] with its columns at the image's width, to take strips of rows from."""

    def __init__(self, scores: Tensor, size: tuple[int, int], align_corners: bool) -> None:
        of_map = ScoreMap(scores, align_corners, ())
        self._columns = of_map.columns(size[1])
        self._above, self._below, self._weight = of_map.rows(size[0])

    def strip(self, rows: slice) -> Tensor:
        """Return [C, len(rows), W] at the image's size."""
        above, below = self._columns[:, self._above[rows]], self._columns[:, self._below[rows]]
        return above.lerp_(below, self._weight[rows, None])


def _decide_strip(decision: "Decision", ids: Tensor, floors: Tensor, *sides: Tensor | None) -> Tensor:
    """Decide scores [C, H, W] of each of the `Sides`: uint8 [2, H, W]; overwrites them. 0 stands for no score.

    ids, floors: of the labelled ones.
    """
    labelled, distractors, labelled_rivals, distractor_rivals = sides
    assert labelled is not None  # of the four it alone is always there
    best, winner = labelled.max(dim=0)
    nothing = _highest(floors[winner], distractors)
    is_seen = best > nothing
    second = _highest(labelled.scatter_(0, winner[None], 0).amax(dim=0), labelled_rivals)
    against = _highest(torch.maximum(second, nothing), distractor_rivals)
    sure = torch.where(is_seen, confidence_byte(lead(best, against) * decision.logit_scale), 0)
    if decision.background_id is None:
        return torch.stack([torch.where(is_seen, ids[winner], decision.unlabeled_id), sure])
    of_nothing = confidence_byte(lead(nothing, torch.maximum(best, second)) * decision.logit_scale)
    class_ids = torch.where(is_seen, ids[winner], decision.background_id)
    return torch.stack([class_ids, torch.where(is_seen, sure, of_nothing)])


def _highest(scores: Tensor, others: Tensor | None) -> Tensor:
    """Return the highest of the scores [H, W] and others [C, H, W]."""
    return scores if others is None else torch.maximum(scores, others.amax(dim=0))


def lead(winner: Tensor, against: Tensor) -> Tensor:
    """Return by how much a winner's logit is above another's."""
    return torch.logit(winner) - torch.logit(against)


def confidence_byte(scaled_lead: Tensor) -> Tensor:
    """Return its sigmoid times 255; at least 1, as 0 says that nothing won."""
    return (torch.sigmoid(scaled_lead) * 255).round().clamp(min=1).to(torch.uint8)
