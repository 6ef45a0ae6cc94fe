# SPDX-License-Identifier: Apache-2.0
"""Choose the device; name the number formats."""

import logging
import re

import torch

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.options import TORCH_NAMES
from talk2dino_ros.engine.runtime.cuda_reason import is_driver_missing, why_no_cuda

logger = logging.getLogger("talk2dino")

DTYPES: dict[str, torch.dtype] = {precision: getattr(torch, name) for precision, name in TORCH_NAMES.items()}


def resolve_device(device: str) -> str:
    """Turn `auto`, `cpu`, `cuda` or `cuda:N` into a device that is there; auto: cuda if there is one.

    Raises ModelError for a device that is not.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else _cpu_instead()
    if device == "cpu":
        return device
    match = re.fullmatch(r"cuda(?::(\d+))?", device)
    if not match:
        raise ModelError(f"device is {device!r}, expected auto, cpu, cuda or cuda:N; choose one of these")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        reason, _, remedy = why_no_cuda().partition("; ")
        raise ModelError(
            f"device {device} was asked for, expected a GPU that PyTorch can use, but {reason}; {remedy}, or use "
            "device auto or cpu"
        )
    if int(match[1] or 0) >= count:
        raise ModelError(
            f"device {device} was asked for, expected one of cuda:0 to cuda:{count - 1}, which PyTorch sees here; "
            "choose one of these"
        )
    return device


def _cpu_instead() -> str:
    """Return the CPU, with a warning where the machine has a GPU that cannot be used."""
    reason, _, remedy = why_no_cuda().partition("; ")
    if torch.backends.cuda.is_built() and not is_driver_missing(reason):
        logger.warning("device auto takes the CPU, as %s, expected a GPU that PyTorch can use; %s", reason, remedy)
    return "cpu"


def with_index(device: str) -> str:
    """Turn `cuda` into the `cuda:N` of this thread's current GPU; in another thread, another one may be current."""
    return f"cuda:{torch.cuda.current_device()}" if device == "cuda" else device


def gpu_uuid(device: str) -> str:
    """Return NVML's name of a GPU, whose index there is another where some are hidden; "" for a CPU or a Jetson's."""
    if not device.startswith("cuda"):
        return ""
    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", "")
    return f"GPU-{uuid}" if uuid else ""


def precision_name(dtype: torch.dtype) -> str:
    """Return the word for a number format: fp32, bf16 or fp16."""
    return next(name for name, each in DTYPES.items() if each is dtype)
