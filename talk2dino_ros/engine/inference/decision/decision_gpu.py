# SPDX-License-Identifier: Apache-2.0
"""The decision on a GPU as one Triton kernel, for a batch and all ballots at once: see decision_kernels.py.

It also runs in Triton's interpreter (TRITON_INTERPRET=1), on tensors of the CPU.
"""

import torch
import triton
from torch import Tensor

from talk2dino_ros.engine.inference.decision.decision_kernels import PIXELS, WARPS, choose
from talk2dino_ros.engine.inference.decision.decision_table import DecisionTable


def decide_gpu(scores: Tensor, size: tuple[int, int], table: DecisionTable, align_corners: bool) -> Tensor:
    """See `decide`."""
    images, rows, own_height, own_width = scores.shape
    (height, width), ballots = size, len(table.ids)
    result = torch.empty((2, ballots, images, height, width), dtype=torch.uint8, device=scores.device)
    grid = triton.cdiv(width, PIXELS) * height, images, ballots
    sides, shift = ((own_height, height), (own_width, width)), 0.0 if align_corners else 0.5
    scales = ((own - 1) / max(large - 1, 1) if align_corners else own / large for own, large in sides)
    shape = (rows, height, width, own_height, own_width, *scales, shift, *scores.stride(), ballots * images)
    with torch.cuda.device_of(scores):  # Triton launches on the current device, whatever the tensors'
        values = [each.contiguous() for each in (table.ids, table.floors, table.rules)]
        choose[grid](scores, *values, result, *shape, PIXELS=PIXELS, num_warps=WARPS)
    return result
