# SPDX-License-Identifier: Apache-2.0
"""Which of PAMR's paths a device takes, decided once, on an image of four pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from talk2dino_ros.engine.inference.pamr.pamr_plain import pamr_plain
from talk2dino_ros.engine.runtime.triton_or_plain import tried, triton_or_plain

Refine = Callable[[Tensor, Tensor, Tensor | None], Tensor]  # as `pamr`


@dataclass(frozen=True)
class PamrPath:
    """The way PAMR is computed on a device.

    refine: what `pamr` calls. computed_by: says it to a person, with the reason where it is not the fast one.
    """

    refine: Refine
    computed_by: str


def pamr_path(device: torch.device, *, is_plain: bool = False) -> PamrPath:
    """Return the path of a device; the first call compiles it. Raises torch's OutOfMemoryError."""
    if is_plain:
        return PamrPath(pamr_plain, "plain PyTorch, as the self-check found that the faster path computes otherwise")
    return _path(torch.empty(0, device=device).device)  # with its index


@lru_cache
def _path(device: torch.device) -> PamrPath:
    def run(refine: Refine) -> Tensor:
        return refine(torch.zeros(3, 2, 2, device=device), torch.zeros(1, 2, 2, device=device), None)

    if device.type == "cuda":
        plain: Refine = pamr_plain
        return PamrPath(*triton_or_plain("PAMR", device, _triton, plain, run))
    refine = _compiled()
    tried(run, refine, device)
    return PamrPath(refine, "numba")


# imported where used: compiling for a CPU and for a GPU each take their time and packages


def _compiled() -> Refine:
    from talk2dino_ros.engine.inference.pamr.pamr_cpu import pamr_cpu

    return pamr_cpu


def _triton() -> Refine:
    from talk2dino_ros.engine.inference.pamr.pamr_gpu import pamr_gpu

    return pamr_gpu
