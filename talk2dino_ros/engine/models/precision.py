# SPDX-License-Identifier: Apache-2.0
"""In which number format a model computes, from what the user asked for and what the device can do."""

from __future__ import annotations

import torch

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.runtime.devices import DTYPES
from talk2dino_ros.engine.runtime.openvino_library import cpu_computes_in


def resolve_precision(precision: str, device: str, model: Model) -> torch.dtype:
    """Turn `auto`, `fp32`, `bf16` or `fp16` into the image encoder's dtype in torch. Raises ModelError for another."""
    return choose_precision(precision, device, model)[0]


def choose_precision(precision: str, device: str, model: Model, backend: str = "torch") -> tuple[torch.dtype, str]:
    """Return the image encoder's dtype by a backend, and why in words. Raises ModelError for another word.

    auto: on a GPU bf16 where it computes in it, else fp16; on a CPU bf16 by OpenVINO where CPU and model gain by it,
    else fp32.
    """
    if precision in DTYPES:
        return DTYPES[precision], "asked for"
    if precision != "auto":
        raise ModelError(f"precision is {precision!r}, expected auto, {', '.join(DTYPES)}; choose one of these")
    return _best_on_gpu(device) if device.startswith("cuda") else _best_on_cpu(model, backend)


def _best_on_cpu(model: Model, backend: str) -> tuple[torch.dtype, str]:
    if not model.bf16_on_cpu:
        return torch.float32, f"on a CPU {model.name} is as exact as it can be"
    if backend != "openvino":
        return torch.float32, "on a CPU torch is the plain path"
    if cpu_computes_in("bf16"):
        return torch.bfloat16, "the CPU computes in it"
    return torch.float32, "the CPU does not compute in bf16"


def _best_on_gpu(device: str) -> tuple[torch.dtype, str]:
    if _gpu_has_bf16(device):
        return torch.bfloat16, "the GPU computes in it"
    return torch.float16, "the GPU does not compute in bf16"


def _gpu_has_bf16(device: str) -> bool:
    # torch.cuda.is_bf16_supported() also says yes where it is emulated; the hardware came with Ampere
    return torch.cuda.get_device_capability(device)[0] >= 8
