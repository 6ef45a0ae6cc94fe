# SPDX-License-Identifier: Apache-2.0
"""From scores at any size to a class and a confidence per pixel, in strips, so that memory stays bounded."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Scores held at full resolution at a time, also for an 8K image: on a CPU about what its caches hold.
STRIP_VALUES = {"cuda": 1 << 24, "cpu": 1 << 20}


def decide(
    scores: Tensor,
    size: tuple[int, int],
    ids: Tensor,
    *,
    align_corners: bool,
    background: float | None,
    logit_scale: float,
    unlabeled_id: int,
    labelled: Tensor,
) -> tuple[Tensor, Tensor]:
    """Upsample bilinearly, take the best class, and say how sure it is.

    scores: float32 [C, h, w] in (0, 1), sigmoid of a cosine or a mean of such.
    size: (H, W) of the result. ids: uint8 [C]; labelled: bool [C], False for distractors.
    Returns class ids uint8 [H, W] and confidence uint8 [H, W], 0 where unlabeled.

    The background is a constant score that competes with the classes and wins ties (it stands first in the
    authors' argmax). The confidence is the softmax of logit_scale * logit(score), the scale at which the
    mapping was trained (InfoNCE, Talk2DINO section 3.3), over the classes and the background.
    """
    height, width = size
    columns = F.interpolate(scores[None], (scores.shape[1], width), mode="bilinear", align_corners=align_corners)[0]
    rows_per_strip = max(1, STRIP_VALUES[scores.device.type] // (len(scores) * width))
    strips = [
        _decide_strip(
            _rows(
                columns,
                torch.arange(top, min(top + rows_per_strip, height), device=scores.device),
                height,
                align_corners,
            ),
            background,
            logit_scale,
        )
        for top in range(0, height, rows_per_strip)
    ]
    winner = torch.cat([strip[0] for strip in strips])
    confidence = torch.cat([strip[1] for strip in strips])
    seen = labelled[winner] & (confidence > 0)
    class_ids = torch.where(seen, ids[winner], torch.full_like(ids[winner], unlabeled_id))
    return class_ids, torch.where(seen, (confidence * 255).round(), torch.zeros_like(confidence)).to(torch.uint8)


def _rows(columns: Tensor, rows: Tensor, height: int, align_corners: bool) -> Tensor:
    """Interpolate [C, h, W] along its rows: [C, len(rows), W], as F.interpolate does for the whole image."""
    source_height = columns.shape[1]
    if align_corners:
        position = rows * ((source_height - 1) / max(height - 1, 1))
    else:
        position = ((rows + 0.5) * (source_height / height) - 0.5).clamp(min=0)
    upper = position.floor().long().clamp(max=source_height - 1)
    lower = (upper + 1).clamp(max=source_height - 1)
    weight = (position - upper).to(columns.dtype)
    return columns[:, upper].lerp_(columns[:, lower], weight[:, None])


def _decide_strip(scores: Tensor, background: float | None, logit_scale: float) -> tuple[Tensor, Tensor]:
    """Winner int64 [H, W] and its probability float32 [H, W], 0 where the background wins; overwrites the scores."""
    best, winner = scores.max(dim=0)
    best_logit = torch.logit(best, eps=1e-6)
    # in place: these are the largest tensors of all, and most of their time is fresh memory
    total = scores.logit_(eps=1e-6).sub_(best_logit).mul_(logit_scale).exp_().sum(dim=0)
    if background is not None:
        constant = torch.logit(torch.tensor(background, dtype=torch.float32), eps=1e-6).item()
        total = total + torch.exp((constant - best_logit) * logit_scale)
        best = torch.where(best > background, best, torch.zeros_like(best))
    return winner, torch.where(best > 0, 1 / total, torch.zeros_like(total))
