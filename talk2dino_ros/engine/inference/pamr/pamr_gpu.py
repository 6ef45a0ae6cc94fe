# SPDX-License-Identifier: Apache-2.0
"""PAMR on a GPU as three Triton kernels, for a batch and all classes at once: see pamr_kernels.py.

They also run in Triton's interpreter (TRITON_INTERPRET=1), on tensors of the CPU.
"""

import torch
import torch.nn.functional as F
import triton
from torch import Tensor

from talk2dino_ros.engine.inference.pamr.pamr_kernels import COLUMNS, ROWS, WARPS, average, deviate, spread
from talk2dino_ros.engine.inference.pamr.stencil import ITERATIONS, REACH

_TILE = {"COLUMNS": COLUMNS, "ROWS": ROWS, "num_warps": WARPS}


def pamr_gpu(rgb: Tensor, scores: Tensor, count: Tensor | None = None) -> Tensor:
    """See `pamr`."""
    if scores.ndim == 3:
        return pamr_gpu(rgb[None], scores[None], count)[0]
    images, rows = scores.shape[:2]
    height, width = rgb.shape[2:]
    grid = _grid((height, width), images)
    with torch.cuda.device_of(scores):  # Triton launches on the current device, whatever the tensors'
        if count is None:
            count = torch.full((1,), rows, dtype=torch.int32, device=scores.device)
        image = F.pad(rgb.contiguous(), (REACH, REACH, 0, 0), mode="replicate")  # it keeps the order in memory
        now = _quads(scores, (height, width))
        after, scales = torch.empty_like(now), rgb.new_empty(images, height, width, 4)
        deviate[grid](image, scales, height, width, **_TILE)
        for left in reversed(range(ITERATIONS)):
            average[grid](now, after, image, scales, count, rows, height, width, IS_LAST=left == 0, **_TILE)
            now, after = after, now
    return now.view(-1)[: images * rows * height * width].view(images, rows, height, width)


def _quads(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring values [B, C, h, w], any strides, into the kernels' form at `size` (H, W)."""
    images, rows, own_height, own_width = values.shape
    height, width = size
    count = triton.cdiv(rows, 4)
    quads = values.new_empty(images, count, height, width + 2 * REACH, 4)
    scales = ((own_height - 1) / max(height - 1, 1), (own_width - 1) / max(width - 1, 1))
    spread[_grid(size, images * count)](
        values, quads, rows, height, width, own_height, own_width, *scales, *values.stride(), **_TILE
    )
    return quads


def _grid(size: tuple[int, int], planes: int) -> tuple[int, int, int]:
    """Return how many programs: of the second and the third there are 65535 at most, 524280 rows of an image."""
    return triton.cdiv(size[1], COLUMNS), triton.cdiv(size[0], ROWS), planes
