# SPDX-License-Identifier: Apache-2.0
"""PAMR in plain PyTorch, any device: the slow path that reads like the method, and that the fast ones are held to."""

import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.inference.pamr.stencil import ITERATIONS, OFFSETS, REACH, SAMPLES, SHARPNESS, TINY


def pamr_plain(rgb: Tensor, scores: Tensor, _count: Tensor | None = None) -> Tensor:
    """See `pamr`."""
    weights, scores = pamr_weights(rgb), stretched(scores, rgb)
    for _ in range(ITERATIONS):
        padded = _padded(scores)
        scores = torch.zeros_like(scores)
        for weight, offset in zip(weights.split(1, dim=-3), OFFSETS, strict=True):
            scores.addcmul_(weight, _shifted(padded, offset))
    return scores


def stretched(scores: Tensor, rgb: Tensor) -> Tensor:
    """Stretch scores [..., C, h, w] to the image's size, corner to corner."""
    size = (rgb.shape[-2], rgb.shape[-1])
    if scores.shape[-2:] == size:
        return scores
    images = scores if scores.ndim == 4 else scores[None]
    return F.interpolate(images, size, mode="bilinear", align_corners=True).view(*scores.shape[:-2], *size)


def pamr_weights(rgb: Tensor) -> Tensor:
    """Return the softmax of -mean_RGB(|I_p - I_q| / (1e-8 + 0.1 std)) over 48 neighbours: float32 [..., 48, H, W].

    std is the unbiased deviation over the 54 samples of the six 3x3 stencils: the centre counts six times.
    """
    padded = _padded(rgb)
    scale = TINY + SHARPNESS * _deviation(rgb, padded)
    distances = [((_shifted(padded, offset) - rgb).abs() / scale).mean(dim=-3) for offset in OFFSETS]
    return torch.softmax(-torch.stack(distances, dim=-3), dim=-3)


def _deviation(rgb: Tensor, padded: Tensor) -> Tensor:
    """Return the standard deviation [..., 3, H, W], from differences to the centre: small variances stay exact."""
    total = torch.zeros_like(rgb)
    squares = torch.zeros_like(rgb)
    for offset in OFFSETS:
        difference = _shifted(padded, offset) - rgb
        total += difference
        squares.addcmul_(difference, difference)
    return ((squares - total * total / SAMPLES) / (SAMPLES - 1)).clamp(min=0).sqrt()


def _padded(values: Tensor) -> Tensor:
    return F.pad(values, (REACH,) * 4, mode="replicate")


def _shifted(padded: Tensor, offset: tuple[int, int]) -> Tensor:
    """Return the neighbour at `offset` (y, x) of every pixel: a view."""
    height, width = padded.shape[-2] - 2 * REACH, padded.shape[-1] - 2 * REACH
    top, left = REACH + offset[0], REACH + offset[1]
    return padded[..., top : top + height, left : left + width]
