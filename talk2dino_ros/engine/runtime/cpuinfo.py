# SPDX-License-Identifier: Apache-2.0
"""Read what PyTorch and Linux say of the CPU."""

import platform
from pathlib import Path

import torch

CPUINFO = Path("/proc/cpuinfo")


def cpuinfo(field: str) -> list[str]:
    """Return a field's values, one a core; none where the system or the kind of CPU has no such field."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    return [line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == field]


def cpu_model() -> str:
    """Return the CPU's name, as far as it has one."""
    return next(iter(cpuinfo("model name")), platform.processor() or platform.machine())


def cpu_has(instructions: str) -> bool:
    """Tell whether the CPU has instructions of a name that PyTorch and Linux share, such as `amx_bf16`."""
    # get_capabilities is newer than some robots' PyTorch, and /proc is Linux's
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    lines = cpuinfo("flags") or cpuinfo("Features")  # x86, Arm
    return bool(capabilities.get(instructions, False)) or (bool(lines) and instructions in lines[0].split())
