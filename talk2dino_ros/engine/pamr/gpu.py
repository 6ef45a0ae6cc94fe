# SPDX-License-Identifier: Apache-2.0
"""PAMR on a GPU as two Triton kernels: the weights once per image, then ten times the mean of 48 neighbours.

Neighbours are gathered where they are used and never stored; one pass serves all classes. Both kernels also run
in Triton's interpreter (TRITON_INTERPRET=1), on tensors of the CPU.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from talk2dino_ros.engine.pamr.stencil import ITERATIONS, NEIGHBOURS, OFFSETS, SAMPLES, SHARPNESS, TINY

_PIXELS = 128  # of one row, per program
_CLASSES = 16  # per program: their sums stay in registers


def pamr_gpu(rgb: Tensor, scores: Tensor) -> Tensor:
    """See `pamr`."""
    classes, height, width = scores.shape
    offsets = torch.tensor(OFFSETS, dtype=torch.int32, device=scores.device)
    weights = torch.empty(NEIGHBOURS, height, width, device=scores.device)
    now, after, spare = scores.contiguous(), torch.empty_like(scores), torch.empty_like(scores)
    columns = triton.cdiv(width, _PIXELS)
    _weigh[columns, height](
        rgb.contiguous(), weights, offsets, height, width, NEIGHBOURS, SAMPLES, SHARPNESS, TINY, PIXELS=_PIXELS
    )
    for _ in range(ITERATIONS):
        _average[columns, height, triton.cdiv(classes, _CLASSES)](
            now, after, weights, offsets, classes, height, width, NEIGHBOURS, PIXELS=_PIXELS, CLASSES=_CLASSES
        )
        now, after, spare = after, spare, after  # the caller's scores are read once and never written
    return now


@triton.jit
def _neighbours(offsets: Any, k: Any, x: Any, y: Any, height: Any, width: Any) -> Any:
    """Index in an [H, W] plane of the k-th neighbours of pixels (x, y); outside: the nearest border pixel."""
    row = tl.minimum(tl.maximum(y + tl.load(offsets + 2 * k), 0), height - 1)
    return row * width + tl.minimum(tl.maximum(x + tl.load(offsets + 2 * k + 1), 0), width - 1)


@triton.jit
def _weigh(
    rgb: Any,
    weights: Any,
    offsets: Any,
    height: Any,
    width: Any,
    neighbours: Any,
    samples: Any,
    sharpness: Any,
    tiny: Any,
    PIXELS: tl.constexpr,  # noqa: N803  Triton's compile-time constants are written so
) -> None:
    """Fill weights [48, H, W] for some pixels of a row from rgb [3, H, W]."""
    x = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    y = tl.program_id(1)
    inside = x < width
    plane = height * width
    pixel = y * width + x
    for channel in range(3):
        values = rgb + channel * plane
        centre = tl.load(values + pixel, mask=inside, other=0.0)
        total = tl.zeros((PIXELS,), tl.float32)
        squares = tl.zeros((PIXELS,), tl.float32)
        for k in range(neighbours):
            there = _neighbours(offsets, k, x, y, height, width)
            difference = tl.load(values + there, mask=inside, other=0.0) - centre
            total += difference
            squares += difference * difference
        variance = tl.maximum((squares - total * total / samples) / (samples - 1), 0.0)
        scale = 1.0 / (3.0 * (tiny + sharpness * tl.sqrt(variance)))
        for k in range(neighbours):
            there = _neighbours(offsets, k, x, y, height, width)
            distance = tl.abs(tl.load(values + there, mask=inside, other=0.0) - centre) * scale
            if channel > 0:
                distance += tl.load(weights + k * plane + pixel, mask=inside, other=0.0)
            tl.store(weights + k * plane + pixel, distance, mask=inside)
    # No shift by the smallest distance: the deviation holds the difference itself and six zeros of the centre, which
    # keeps every distance below 80, and exp(-80) is a normal float32.
    powers = tl.zeros((PIXELS,), tl.float32)
    for k in range(neighbours):
        powers += tl.exp(-tl.load(weights + k * plane + pixel, mask=inside, other=0.0))
    for k in range(neighbours):
        power = tl.exp(-tl.load(weights + k * plane + pixel, mask=inside, other=0.0))
        tl.store(weights + k * plane + pixel, power / powers, mask=inside)


@triton.jit
def _average(
    source: Any,
    target: Any,
    weights: Any,
    offsets: Any,
    classes: Any,
    height: Any,
    width: Any,
    neighbours: Any,
    PIXELS: tl.constexpr,  # noqa: N803
    CLASSES: tl.constexpr,  # noqa: N803
) -> None:
    """One iteration for some pixels of a row and some classes of [C, H, W], from source to target."""
    x = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    y = tl.program_id(1)
    c = tl.program_id(2) * CLASSES + tl.arange(0, CLASSES)
    plane = height * width
    planes = (c.to(tl.int64) * plane)[:, None]  # 64 bits: 150 classes of a large image have more than 2^31 bytes
    is_column = x < width
    inside = (c < classes)[:, None] & is_column[None, :]
    mean = tl.zeros((CLASSES, PIXELS), tl.float32)
    for k in range(neighbours):
        weight = tl.load(weights + k * plane + y * width + x, mask=is_column, other=0.0)
        there = _neighbours(offsets, k, x, y, height, width)
        mean += weight[None, :] * tl.load(source + planes + there[None, :], mask=inside, other=0.0)
    tl.store(target + planes + (y * width + x)[None, :], mean, mask=inside)
