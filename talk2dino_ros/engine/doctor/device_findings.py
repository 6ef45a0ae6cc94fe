# SPDX-License-Identifier: Apache-2.0
"""Processor, GPU, driver and CUDA as PyTorch sees them."""

from __future__ import annotations

from typing import Any

import torch

from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level, Section
from talk2dino_ros.engine.runtime.cuda_reason import is_driver_missing, why_no_cuda
from talk2dino_ros.engine.selfcheck.device_key import driver_version
from talk2dino_ros.engine.text.counted import counted

GIB = 2**30


def devices(machine: dict[str, Any]) -> Section:
    """Look at what computes. machine: of `describe_machine`."""
    memory = f"{machine['memory_gib']:.1f} GiB" if machine["memory_gib"] else "memory unknown"
    load = machine["load_average_1min"]
    is_busy = load > 1.5 * machine["cores"]
    cores = counted(machine["cores"], "core")
    processor = HealthFinding("processor", f"{machine['cpu']}, {cores}, {memory}")
    busy = HealthFinding("load", f"{load:.1f} on {cores}, so times are not the machine's own", Level.NOTE)
    return Section("Devices", (processor, *([busy] if is_busy else []), *_cuda()))


def _cuda() -> list[HealthFinding]:
    if reason := why_no_cuda():
        said, _, remedy = reason.partition("; ")
        # a machine without a GPU, or a PyTorch that was chosen without one, is as it should be
        is_meant = is_driver_missing(said) or not torch.backends.cuda.is_built()
        return [HealthFinding("GPU", f"none: {said}", Level.NOTE, f"to use one: {remedy}" if is_meant else remedy)]
    found = [HealthFinding("CUDA", f"{torch.version.cuda}, driver {driver_version() or 'unknown'}")]
    return found + [_gpu(index) for index in range(torch.cuda.device_count())]


def _gpu(index: int) -> HealthFinding:
    properties = torch.cuda.get_device_properties(index)
    capability = f"{properties.major}.{properties.minor}"
    said = f"{properties.name}, {properties.total_memory / GIB:.1f} GiB, compute capability {capability}"
    try:
        free, _ = torch.cuda.mem_get_info(index)
    except RuntimeError as error:
        first = (str(error).splitlines() or [""])[0]
        return HealthFinding(f"cuda:{index}", f"{said}; {first}", Level.WRONG, "look at nvidia-smi and dmesg")
    return HealthFinding(f"cuda:{index}", f"{said}, {free / GIB:.1f} GiB free")
