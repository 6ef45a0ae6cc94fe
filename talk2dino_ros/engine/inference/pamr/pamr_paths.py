# SPDX-License-Identifier: Apache-2.0
"""Which of PAMR's paths a device takes, decided once, on an image of four pixels.

Triton needs a C compiler where it runs, and NVIDIA's wheels for a Jetson come without Triton: such a robot takes the
plain path, and is told so.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from talk2dino_ros.engine.inference.pamr.pamr_plain import pamr_plain

Refine = Callable[[Tensor, Tensor, Tensor | None], Tensor]  # as `pamr`

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PamrPath:
    """refine: what `pamr` calls. computed_by: says it to a person, with the reason where it is not the fast one."""

    refine: Refine
    computed_by: str


def pamr_path(device: torch.device, *, is_plain: bool = False) -> PamrPath:
    """Return the path of a device; the first call compiles it. Raises torch's OutOfMemoryError."""
    if is_plain:
        return PamrPath(pamr_plain, "plain PyTorch, as the self-check found that the faster path computes otherwise")
    return _path(torch.empty(0, device=device).device)  # with its index


@lru_cache
def _path(device: torch.device) -> PamrPath:
    if device.type != "cuda":
        return _tried(_compiled(), "numba", device)
    try:
        return _tried(_triton(), "Triton", device)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # Triton's compilation fails in many ways; what the GPU itself lacks, fails again below
        reason = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
    _LOG.warning(
        "PAMR runs in plain PyTorch on %s, which is slower, as Triton does not run there (%s), expected Triton with "
        "a C compiler; install them, such as by `pip install triton` and `apt install gcc python3-dev`",
        device,
        reason,
    )
    return _tried(pamr_plain, f"plain PyTorch, as Triton does not run ({reason})", device)


def _tried(refine: Refine, computed_by: str, device: torch.device) -> PamrPath:
    with torch.inference_mode():
        refine(torch.zeros(3, 2, 2, device=device), torch.zeros(1, 2, 2, device=device), None)
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # a kernel's failure shows when it has run
    return PamrPath(refine, computed_by)


# imported where used: compiling for a CPU and for a GPU each take their time and packages


def _compiled() -> Refine:
    from talk2dino_ros.engine.inference.pamr.pamr_cpu import pamr_cpu

    return pamr_cpu


def _triton() -> Refine:
    from talk2dino_ros.engine.inference.pamr.pamr_gpu import pamr_gpu

    return pamr_gpu
