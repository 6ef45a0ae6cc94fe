# SPDX-License-Identifier: Apache-2.0
"""The decision of a batch of score maps, as a table on the device says: no value is read on the host."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from talk2dino_ros.engine.inference.decision.decision_plain import STRIP_VALUES, Stretched, confidence_byte, lead
from talk2dino_ros.engine.inference.decision.decision_table import DISTRACTOR, DecisionTable
from talk2dino_ros.engine.runtime.triton_or_plain import triton_or_plain

Decide = Callable[[Tensor, tuple[int, int], DecisionTable, bool], Tensor]  # as `decide`


def decide(
    scores: Tensor, size: tuple[int, int], table: DecisionTable, *, align_corners: bool, is_plain: bool = False
) -> Tensor:
    """Upsample bilinearly, take the best class, and say how sure it is: what `Decision` does, for each ballot.

    scores: float32 [B, C, h, w], any strides, as in `ScoreMap`; what rows that are on no ballot hold does not matter.
    size: (H, W) of the result. align_corners: see `ScoreMap`. is_plain: not by the faster kernel.
    Returns uint8 [2, N, B, H, W]: class ids, and confidence times 255: 0 where unlabeled, else 1 to 255.
    Nothing is synchronised, and what is launched depends on the shapes alone; on a GPU that is one kernel, and the
    first call compiles it (`prepare_decision`). Raises torch's OutOfMemoryError.
    """
    path = decide_batch if is_plain else prepare_decision(scores.device)
    return path(scores, size, table, align_corners)


def prepare_decision(device: torch.device) -> Decide:
    """Choose what decides on a device; the first call compiles it, and waits: not while a graph is recorded."""
    return _path(torch.empty(0, device=device).device)  # with its index


@lru_cache
def _path(device: torch.device) -> Decide:
    def run(path: Decide) -> Tensor:
        ids = torch.zeros(1, 1, dtype=torch.int16, device=device)
        floors, rules = torch.zeros(1, 1, device=device), torch.zeros(1, 3, device=device)
        return path(torch.zeros(1, 1, 2, 2, device=device), (2, 2), DecisionTable(ids, floors, rules), False)

    if device.type != "cuda":
        return decide_batch
    plain: Decide = decide_batch
    return triton_or_plain("the decision", device, _triton, plain, run)[0]


def _triton() -> Decide:
    from talk2dino_ros.engine.inference.decision.decision_gpu import decide_gpu

    return decide_gpu


def decide_batch(scores: Tensor, size: tuple[int, int], table: DecisionTable, align_corners: bool) -> Tensor:
    """See `decide`: in plain PyTorch, any device."""
    result = torch.empty((2, len(table.ids), len(scores), *size), dtype=torch.uint8, device=scores.device)
    rows_per_strip = max(1, STRIP_VALUES // (scores.shape[1] * size[1]))
    for number, image in enumerate(scores):
        stretched = Stretched(image, size, align_corners)
        for top in range(0, size[0], rows_per_strip):
            rows = slice(top, min(top + rows_per_strip, size[0]))
            strip = stretched.strip(rows)
            for ballot, own in enumerate(zip(table.ids, table.floors, table.rules, strict=True)):
                result[:, ballot, number, rows] = _decide_strip(strip, *own)
    return result


def _decide_strip(scores: Tensor, ids: Tensor, floors: Tensor, rules: Tensor) -> Tensor:
    """Decide scores [C, H, W]: uint8 [2, H, W]. 0 stands for no score."""
    scale, nothing_id, has_confidence = rules
    labelled = scores.where((ids >= 0)[:, None, None], 0)
    best, winner = labelled.max(dim=0)
    second = labelled.scatter_(0, winner[None], 0).amax(dim=0)
    nothing = torch.maximum(scores.where((ids == DISTRACTOR)[:, None, None], 0).amax(dim=0), floors[winner])
    is_seen = best > nothing
    sure = confidence_byte(lead(best, torch.maximum(second, nothing)) * scale)
    of_nothing = confidence_byte(lead(nothing, torch.maximum(best, second)) * scale) * has_confidence
    class_ids = torch.where(is_seen, ids[winner], nothing_id)
    return torch.stack([class_ids.to(torch.uint8), torch.where(is_seen, sure, of_nothing).to(torch.uint8)])
