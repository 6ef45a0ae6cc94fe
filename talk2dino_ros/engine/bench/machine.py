# SPDX-License-Identifier: Apache-2.0
"""Describe the machine of a measurement: CPU and GPUs, clocks where known, versions, commit."""

import datetime
import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from talk2dino_ros.engine.runtime.cpuinfo import cpu_model, cpuinfo
from talk2dino_ros.engine.text.counted import counted

PACKAGES = ("torch", "numpy", "numba", "triton", "timm", "onnxruntime", "opencv-python-headless", "talk2dino_ros")
GPU_FIELDS = ("name", "driver_version", "clocks.sm", "clocks.max.sm", "clocks.mem", "memory.total")


def describe_machine() -> dict[str, Any]:
    """Return what a reader needs to repeat a figure, ready for JSON; None where it cannot be found out."""
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu_clock_mhz": _cpu_clock_mhz(),
        "load_average_1min": round(os.getloadavg()[0], 2),  # whether something else ran beside
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "gpus": _gpus(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": package_versions(),
        "commit": _commit(),
    }


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that results may depend on, of those that are installed."""
    return {name: version for name in PACKAGES if (version := _version(name))}


def machine_line(machine: dict[str, Any]) -> str:
    """Say in one line what `describe_machine` found."""
    clock = f" at {machine['cpu_clock_mhz']} MHz" if machine["cpu_clock_mhz"] else ""
    gpus = ", ".join(f"{gpu['name']} ({gpu['clocks.sm']} of {gpu['clocks.max.sm']})" for gpu in machine["gpus"])
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['date']}: {machine['cpu']}{clock}, {counted(machine['cores'], 'core')}, "
        f"{counted(machine['threads'], 'thread')}, load {machine['load_average_1min']}, {machine['memory_gib']} GiB; "
        f"GPU: {gpus or 'none'}; Python {machine['python']}, {versions}; commit {machine['commit'] or 'unknown'}"
    )


def _cpu_clock_mhz() -> int | None:
    clocks = [float(clock) for clock in cpuinfo("cpu MHz")]
    return round(max(clocks)) if clocks else None


def _gpus() -> list[dict[str, str]]:
    if not shutil.which("nvidia-smi"):
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return [dict.fromkeys(GPU_FIELDS, "?") | {"name": name} for name in names]
    lines = _output("nvidia-smi", f"--query-gpu={','.join(GPU_FIELDS)}", "--format=csv,noheader").splitlines()
    return [dict(zip(GPU_FIELDS, (cell.strip() for cell in line.split(",")), strict=True)) for line in lines]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _commit() -> str | None:
    """Return the commit this code is of, with `+` behind it where files were changed since."""
    folder = str(Path(__file__).resolve().parent)
    commit = _output("git", "-C", folder, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return None
    return commit + ("+" if _output("git", "-C", folder, "status", "--porcelain", "--untracked-files=no") else "")


def _output(*command: str) -> str:
    """Return what a command prints, '' where it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
