# SPDX-License-Identifier: Apache-2.0
"""Where a model runs and in which number format, from what the user asked for and what the machine has."""

import re
from typing import TYPE_CHECKING

import torch

from talk2dino_ros.engine.cpu_bf16 import gains_by_bf16
from talk2dino_ros.engine.errors import ModelError

if TYPE_CHECKING:
    from talk2dino_ros.engine.checkpoints import Model

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_device(device: str) -> str:
    """Turn `auto`, `cpu`, `cuda` or `cuda:N` into a device that is there; auto: cuda if there is one.

    Raises ModelError for a device that is not.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    match = re.fullmatch(r"cuda(?::(\d+))?", device)
    if not match:
        raise ModelError(f"device is {device!r}, expected auto, cpu, cuda or cuda:N; choose one of these")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(match[1] or 0) >= count:
        raise ModelError(
            f"device {device} was asked for, but the CUDA GPUs that PyTorch sees here are {count}; "
            "use device auto or cpu, or install a driver and a PyTorch build for the GPU"
        )
    return device


def with_index(device: str) -> str:
    """Turn `cuda` into the `cuda:N` of this thread's current GPU; in another thread, another one may be current."""
    return f"cuda:{torch.cuda.current_device()}" if device == "cuda" else device


def resolve_precision(precision: str, device: str, model: "Model") -> torch.dtype:
    """Turn `auto`, `fp32`, `bf16` or `fp16` into the image encoder's dtype. Raises ModelError for another word."""
    return choose_precision(precision, device, model)[0]


def choose_precision(precision: str, device: str, model: "Model") -> tuple[torch.dtype, str]:
    """Return the image encoder's dtype as `resolve_precision` does, and why in words.

    auto: on a GPU bf16 where it computes in it, else fp16; on a CPU bf16 where model and CPU gain by it, else fp32.
    """
    if precision in PRECISIONS:
        return PRECISIONS[precision], "asked for"
    if precision != "auto":
        raise ModelError(f"precision is {precision!r}, expected auto, {', '.join(PRECISIONS)}; choose one of these")
    if device.startswith("cuda"):
        if _gpu_has_bf16(device):
            return torch.bfloat16, "the GPU computes in it"
        return torch.float16, "the GPU does not compute in bf16"
    if not model.bf16_on_cpu:
        return torch.float32, f"on a CPU {model.name} is as exact as it can be"
    gains, why = gains_by_bf16()
    return torch.bfloat16 if gains else torch.float32, why


def _gpu_has_bf16(device: str) -> bool:
    # torch.cuda.is_bf16_supported() also says yes where it is emulated; the hardware came with Ampere
    return torch.cuda.get_device_capability(device)[0] >= 8
