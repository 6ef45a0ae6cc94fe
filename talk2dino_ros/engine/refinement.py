# SPDX-License-Identifier: Apache-2.0
"""What the paper does to the scores before the decision: PAMR and background cleaning.

Sources: pixel-adaptive mask refinement, Araslanov & Roth (arXiv 2005.08104), with the settings Talk2DINO uses;
background cleaning, Talk2DINO (arXiv 2411.19331) section 3.4.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

DILATIONS = (1, 2, 4, 8, 12, 24)
ITERATIONS = 10
CLEANING_WEIGHT = 0.2  # lambda of the paper's background cleaning
_DIRECTIONS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
_OFFSETS = tuple((d * y, d * x) for d in DILATIONS for y, x in _DIRECTIONS)
_REACH = max(DILATIONS)


def pamr(rgb: Tensor, scores: Tensor) -> Tensor:
    """Pull scores to the image's edges: ten times, each pixel becomes a mean of 48 neighbours of similar colour.

    rgb: float32 [3, H, W], any range. scores: float32 [C, H, W]. Returns float32 [C, H, W], within the
    minimum and maximum of the scores, since the weights are non-negative and sum to 1.
    """
    weights = pamr_weights(rgb)
    for _ in range(ITERATIONS):
        padded = _padded(scores)
        scores = torch.zeros_like(scores)
        for weight, offset in zip(weights, _OFFSETS, strict=True):
            scores.addcmul_(weight, _shifted(padded, offset))
    return scores


def pamr_weights(rgb: Tensor) -> Tensor:
    """Softmax over 48 neighbours of -mean_RGB(|I_p - I_q| / (1e-8 + 0.1 std)): float32 [48, H, W].

    std is the unbiased deviation over the 54 samples of the six 3x3 stencils: the centre counts six times.
    """
    padded = _padded(rgb)
    scale = 1e-8 + 0.1 * _deviation(rgb, padded)
    distances = [((_shifted(padded, offset) - rgb).abs() / scale).mean(dim=0) for offset in _OFFSETS]
    return torch.softmax(-torch.stack(distances), dim=0)


def _deviation(rgb: Tensor, padded: Tensor) -> Tensor:
    """Standard deviation [3, H, W], from differences to the centre, which keeps small variances exact."""
    total = torch.zeros_like(rgb)
    squares = torch.zeros_like(rgb)
    for offset in _OFFSETS:
        difference = _shifted(padded, offset) - rgb
        total += difference
        squares.addcmul_(difference, difference)
    count = len(_OFFSETS) + len(DILATIONS)
    return ((squares - total * total / count) / (count - 1)).clamp(min=0).sqrt()


def _padded(values: Tensor) -> Tensor:
    return F.pad(values[None], (_REACH,) * 4, mode="replicate")[0]


def _shifted(padded: Tensor, offset: tuple[int, int]) -> Tensor:
    """The neighbour at `offset` (y, x) of every pixel: a view."""
    height, width = padded.shape[1] - 2 * _REACH, padded.shape[2] - 2 * _REACH
    top, left = _REACH + offset[0], _REACH + offset[1]
    return padded[:, top : top + height, left : left + width]


def clean_background(scores: Tensor, patch_features: Tensor, cls_attention: Tensor, embeddings: Tensor) -> Tensor:
    """Mix in, per class, the attention of the heads that look at what the class's words mean.

    scores [C, h, w] (sigmoid of cosines), patch_features [D, h, w] (raw), cls_attention [M, h*w] (logits of the
    class token over the patches, one row per head), embeddings [C, D] (L2-normalised). Returns [C, h, w].

    The attention is shifted by its minimum and divided by its *maximum* over all classes, not by the range,
    before it is stretched to the scores' range: so the authors' code has it.
    """
    features = patch_features.flatten(1)
    heads = F.normalize(cls_attention @ features.T, dim=1)
    share = torch.softmax(embeddings @ heads.T, dim=1)
    attention = torch.softmax(share @ cls_attention, dim=1)
    attention = (attention - attention.min()) / attention.max()
    attention = attention * (scores.max() - scores.min()) + scores.min()
    return (scores + CLEANING_WEIGHT * attention.view_as(scores)) / (1 + CLEANING_WEIGHT)
