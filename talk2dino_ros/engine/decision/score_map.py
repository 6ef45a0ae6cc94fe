# SPDX-License-Identifier: Apache-2.0
"""Scores at any size and how they are stretched to an image's, without holding them at that size."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class ScoreMap:
    """values: float32 [C, h, w], the sigmoid of a cosine or a mean of such: 0.269 to 0.731; by dino.txt's protocol
        half a class's share: 0 to 0.5. Never 1, which has no logit.

    align_corners: whether they are stretched corner to corner or cell by cell (as in F.interpolate).
    """

    values: Tensor
    align_corners: bool

    def columns(self, width: int) -> Tensor:
        """Stretch along the rows only: [C, h, width]."""
        height, own_width = self.values.shape[1:]
        if own_width == width:
            return self.values
        size = (height, width)
        return F.interpolate(self.values[None], size, mode="bilinear", align_corners=self.align_corners)[0]

    def rows(self, height: int) -> tuple[Tensor, Tensor, Tensor]:
        """For each row of the image: the row above and below it (int64), and the weight (float32) of the one below."""
        own_height = self.values.shape[1]
        row = torch.arange(height, device=self.values.device)
        if self.align_corners:
            position = row * ((own_height - 1) / max(height - 1, 1))
        else:
            position = ((row + 0.5) * (own_height / height) - 0.5).clamp(min=0)
        above = position.floor().long().clamp(max=own_height - 1)
        return above, (above + 1).clamp(max=own_height - 1), (position - above).float()


def background_logit(background: float | None) -> float:
    """Return the background's logit, -infinity where there is none: then it has no share in a softmax."""
    if not background:
        return -math.inf
    return math.log(background / (1 - background))
