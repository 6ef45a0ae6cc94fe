# SPDX-License-Identifier: Apache-2.0
"""In which number format a model computes, from what the user asked for and what the device can do."""

from __future__ import annotations

import torch

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.runtime.cpu_bf16 import gains_by_bf16
from talk2dino_ros.engine.runtime.devices import DTYPES


def resolve_precision(precision: str, device: str, model: Model) -> torch.dtype:
    """Turn `auto`, `fp32`, `bf16` or `fp16` into the image encoder's dtype. Raises ModelError for another word."""
    return choose_precision(precision, device, model)[0]


def choose_precision(precision: str, device: str, model: Model) -> tuple[torch.dtype, str]:
    """Return the image encoder's dtype as `resolve_precision` does, and why in words.

    auto: on a GPU bf16 where it computes in it, else fp16; on a CPU bf16 where model and CPU gain by it, else fp32.
    """
    if precision in DTYPES:
        return DTYPES[precision], "asked for"
    if precision != "auto":
        raise ModelError(f"precision is {precision!r}, expected auto, {', '.join(DTYPES)}; choose one of these")
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
