# SPDX-License-Identifier: Apache-2.0
"""PAMR on a GPU as two Triton kernels: the weights once per image, then ten times the mean of 48 neighbours.

Neighbours are gathered where they are used and never stored; one pass serves all classes. The kernels also run in
Triton's interpreter (TRITON_INTERPRET=1), on tensors of the CPU.
"""

from functools import lru_cache

import torch
import triton
from torch import Tensor

from talk2dino_ros.engine.inference.pamr.pamr_kernels import average, weigh
from talk2dino_ros.engine.inference.pamr.stencil import ITERATIONS, NEIGHBOURS, OFFSETS, SAMPLES, SHARPNESS, TINY

_PIXELS = 128  # of one row, per program
_CLASSES = 16  # per program: their sums stay in registers


def pamr_gpu(rgb: Tensor, scores: Tensor, _count: Tensor | None = None) -> Tensor:
    """See `pamr`."""
    if scores.ndim == 4:
        return torch.stack([pamr_gpu(*pair) for pair in zip(rgb, scores, strict=True)])
    classes, height, width = scores.shape
    offsets = _offsets(scores.device)
    weights = torch.empty(NEIGHBOURS, height, width, device=scores.device)
    rgb, now = rgb.contiguous(), scores.contiguous()
    after, spare = torch.empty_like(now), torch.empty_like(now)
    # one dimension for all pixels: of the others' there are 65535 at most, and images may be higher
    pieces = triton.cdiv(width, _PIXELS) * height
    with torch.cuda.device_of(scores):  # Triton launches on the current device, whatever the tensors'
        weigh[(pieces,)](rgb, weights, offsets, height, width, NEIGHBOURS, SAMPLES, SHARPNESS, TINY, PIXELS=_PIXELS)
        for _ in range(ITERATIONS):
            average[pieces, triton.cdiv(classes, _CLASSES)](
                now, after, weights, offsets, classes, height, width, NEIGHBOURS, PIXELS=_PIXELS, CLASSES=_CLASSES
            )
            now, after, spare = after, spare, after  # the caller's scores are read once and never written
    return now


@lru_cache
def _offsets(device: torch.device) -> Tensor:
    """On the device once: a copy from the host stops it, and is forbidden while a graph is recorded."""
    return torch.tensor(OFFSETS, dtype=torch.int32, device=device)
