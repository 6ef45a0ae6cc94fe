# SPDX-License-Identifier: Apache-2.0
"""Measure how oneDNN divides a ViT's bf16 layers among threads: `python -m benchmarks.idle_thread`.

The division is read from each thread's own processor time, in a process whose idle threads sleep: 2.0 of 2 is an even
one, 1.0 leaves one of two without work, whatever else the machine does. The gain is the layer in pieces, as
PackedLinear has it on a CPU with AMX, against the layer whole, in turn. Writes to benchmarks/results/.
"""

import argparse
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.machine import write_result
from talk2dino_ros.engine.bench.measure import in_turn
from talk2dino_ros.engine.runtime.packed_linear import IDLE_ROWS, PackedLinear, leaves_one_idle

LAYERS = [(768, 768), (3072, 768), (768, 2304), (768, 3072), (1024, 1024), (4096, 1024), (1024, 3072), (1024, 4096)]
ROWS = [149, 261, 350, 400, 500, 600, 789, 905, 1029, 1100, 1200, 1300, 1374, 2058]  # 1029: 448x448 pixels and 5 more
SLEEP = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
CALLS = 40


def main() -> None:
    """Measure the division for 2 and 4 threads and the gain for 2; or be one division, as a child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    threads = parser.parse_args().child
    if threads:
        print(json.dumps(divisions(threads)))
        return
    facts: dict[str, Any] = {"threads_at_work": {count: in_child(count) for count in (2, 4)}, "gain": gains()}
    for name, found in facts.items():
        print(name, json.dumps(found, indent=1))
    write_result("idle_thread", facts)


def in_child(threads: int) -> dict[str, dict[int, float]]:
    """Measure the divisions in a fresh process whose idle threads sleep."""
    command = [sys.executable, "-m", __spec__.name, "--child", str(threads)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | SLEEP).stdout
    found: dict[str, dict[int, float]] = json.loads(output)
    return found


@torch.inference_mode()
def divisions(threads: int) -> dict[str, dict[int, float]]:
    """For each whole layer and number of rows: how many threads' worth of work ran side by side, at most `threads`."""
    found: dict[str, dict[int, float]] = {}
    torch.set_num_threads(threads)
    for size, width in LAYERS:
        layer = PackedLinear(nn.Linear(size, width).bfloat16(), in_pieces=False)
        for rows in ROWS:
            x = torch.randn(rows, size).bfloat16()
            layer(x)
            before = thread_times()
            for _ in range(CALLS):
                layer(x)
            spent = [time - before.get(thread, 0) for thread, time in thread_times().items()]
            found.setdefault(f"{size}->{width}", {})[rows] = round(sum(spent) / max(spent), 2)
    return found


def thread_times() -> dict[str, int]:
    """Nanoseconds that each thread of this process has run (Linux)."""
    return {path.name: int((path / "schedstat").read_text().split()[0]) for path in Path("/proc/self/task").iterdir()}


@torch.inference_mode()
def gains() -> dict[str, dict[int, float]]:
    """For each layer that PackedLinear would take in pieces: the whole's median time by the pieces', two threads."""
    found: dict[str, dict[int, float]] = {}
    torch.set_num_threads(2)
    linears = [nn.Linear(size, width).bfloat16() for size, width in LAYERS]
    for linear in filter(leaves_one_idle, linears):
        label = f"{linear.in_features}->{linear.out_features}"
        whole, pieces = (PackedLinear(linear, in_pieces=choice) for choice in (False, True))
        for rows in (rows for rows in ROWS if rows in IDLE_ROWS):
            x = torch.randn(rows, linear.in_features).bfloat16()
            times = in_turn({"whole": partial(whole, x), "pieces": partial(pieces, x)}, 60, label=label)
            ratio = times["whole"]["median_s"] / times["pieces"]["median_s"]
            found.setdefault(label, {})[rows] = round(ratio, 2)
    return found


if __name__ == "__main__":
    main()
