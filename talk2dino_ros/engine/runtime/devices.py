# SPDX-License-Identifier: Apache-2.0
"""Choose the device; name the number formats."""

import re

import torch

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.options import TORCH_NAMES

DTYPES: dict[str, torch.dtype] = {precision: getattr(torch, name) for precision, name in TORCH_NAMES.items()}


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
