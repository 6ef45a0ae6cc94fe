# SPDX-License-Identifier: Apache-2.0
"""Scores at any size and how they are stretched to an image's, without holding them at that size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class ScoreMap:
    """values: float32 [C, h, w], the sigmoid of a cosine or a mean of such: 0.269 to 0.731; by dino.txt's protocol
        half a class's share: 0 to 0.5. Never 1, which has no logit.

    align_corners: whether they are stretched corner to corner or cell by cell (as in F.interpolate).
    ids: C, what each class is published as, 0..255; on the host, as what is asked of them changes with no image.
    """

    values: Tensor
    align_corners: bool
    ids: tuple[int, ...]

    def those(self, numbers: Sequence[int]) -> "ScoreMap | None":
        """Return some of the classes alone, by their numbers in this map; None for none of them."""
        if len(numbers) == len(self.ids):
            return self
        if not numbers:
            return None
        return replace(self, values=self.values[list(numbers)], ids=tuple(self.ids[number] for number in numbers))

    def columns(self, width: int) -> Tensor:
        """Stretch along the rows only: [C, h, width]."""
        height, own_width = self.values.shape[1:]
        if own_width == width:
            return self.values
        size = (height, width)
        return F.interpolate(self.values[None], size, mode="bilinear", align_corners=self.align_corners)[0]

    def rows(self, height: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return for each row of the image the rows above and below it (int64), and the latter's weight (float32)."""
        own_height = self.values.shape[1]
        row = torch.arange(height, device=self.values.device)
        if self.align_corners:
            position = row * ((own_height - 1) / max(height - 1, 1))
        else:
            position = ((row + 0.5) * (own_height / height) - 0.5).clamp(min=0)
        above = position.floor().long().clamp(max=own_height - 1)
        return above, (above + 1).clamp(max=own_height - 1), (position - above).float()


@dataclass(frozen=True)
class Sides:
    """The classes of a decision by what they can do.

    labelled: those that can win a label. distractors: those that can win against it. labelled_rivals and
    distractor_rivals: those of either kind that cannot win, and only count in the confidence.
    """

    labelled: ScoreMap
    distractors: ScoreMap | None
    labelled_rivals: ScoreMap | None
    distractor_rivals: ScoreMap | None

    @staticmethod
    def of(contenders: ScoreMap, rivals: ScoreMap | None, unlabeled_id: int) -> "Sides":
        """Sort the classes by their ids: a distractor has the unlabeled one."""
        labelled, distractors = _parted(contenders, unlabeled_id)
        if labelled is None:
            labelled = replace(contenders, values=torch.zeros_like(contenders.values[:1]), ids=(unlabeled_id,))
        return Sides(labelled, distractors, *(_parted(rivals, unlabeled_id) if rivals else (None, None)))

    @property
    def all(self) -> tuple[ScoreMap | None, ...]:
        """All four, in the order of the fields."""
        return self.labelled, self.distractors, self.labelled_rivals, self.distractor_rivals


def _parted(scores: ScoreMap, unlabeled_id: int) -> tuple[ScoreMap | None, ScoreMap | None]:
    numbers = range(len(scores.ids))
    labelled = [number for number in numbers if scores.ids[number] != unlabeled_id]
    return scores.those(labelled), scores.those([number for number in numbers if number not in labelled])
