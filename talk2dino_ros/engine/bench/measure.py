# SPDX-License-Identifier: Apache-2.0
"""Time several calls in turn, so that other load falls on each of them alike; measure a process's memory."""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from talk2dino_ros.engine.errors import Talk2DinoError

Seconds = dict[str, float]


def in_turn(
    sides: Mapping[str, Callable[[], object]], rounds: int, *, warm_up: int = 1, label: str = ""
) -> dict[str, Seconds]:
    """Call each side once a round, after rounds that are not timed; returns the times of each (see `times`)."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in tqdm(range(-warm_up, rounds), desc=label, unit="round", leave=False, disable=None):
        for name, call in sides.items():
            start = time.perf_counter()
            call()
            if number >= 0:
                seconds[name].append(time.perf_counter() - start)
    return {name: times(values) for name, values in seconds.items()}


def times(seconds: list[float]) -> Seconds:
    """Return median, 99th percentile (near the maximum where there are few), minimum, maximum and number."""
    return {
        "median_s": statistics.median(seconds),
        "p99_s": float(np.percentile(seconds, 99)),
        "min_s": min(seconds),
        "max_s": max(seconds),
        "count": len(seconds),
    }


def agreement(mask: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """Return the share of pixels that have the same class."""
    return float(np.mean(mask == other))


def resident_bytes() -> int:
    """Return this process's resident memory now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def peak_bytes_of(call: Callable[[], object]) -> int:
    """Return by how much a call raises this process's resident memory at its highest (Linux).

    Where the system lets no process reset its peak, an earlier, higher peak would hide the call's: so call it in a
    fresh process.
    """
    _reset_peak()
    before = resident_bytes()
    call()
    return _peak_bytes() - before


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def in_fresh_process(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module of this package that prints one JSON object in a process of its own, and return the object."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Talk2DinoError(f"{module} ended with {done.returncode}, expected 0; it said: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
