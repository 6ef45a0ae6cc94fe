# SPDX-License-Identifier: Apache-2.0
"""What the self-check segments: a picture of soft colours and hard edges, and scores; the same on every machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

RECTANGLES = 8
CLASSES = 8


def seeded_picture(size: tuple[int, int], seed: int = 0) -> npt.NDArray[np.uint8]:
    """Draw an image of `size` (H, W): uint8 [H, W, 3] RGB."""
    height, width = size
    generator = np.random.default_rng(seed)
    pixels = _smooth(generator.uniform(0, 255, (3, 6, 6)), size) + _smooth(
        generator.uniform(-40, 40, (3, 40, 40)), size
    )
    for _ in range(RECTANGLES):
        top, left = generator.integers(height), generator.integers(width)
        tall, wide = generator.integers(height // 8, height // 3 + 1), generator.integers(width // 8, width // 3 + 1)
        pixels[:, top : top + tall, left : left + wide] = torch.from_numpy(generator.uniform(0, 255, (3, 1, 1)))
    return pixels.clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy()


def seeded_scores(count: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    """Make smooth scores of classes, float32 [count, H, W], 0.3 to 0.7, as sigmoids of cosines are."""
    return _smooth(np.random.default_rng(seed).uniform(0.3, 0.7, (count, 7, 7)), size).clamp(0.3, 0.7)


def _smooth(values: npt.NDArray[np.float64], size: tuple[int, int]) -> Tensor:
    rough = torch.from_numpy(values.astype(np.float32))
    return F.interpolate(rough[None], size, mode="bicubic", align_corners=False)[0]
