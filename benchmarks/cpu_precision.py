# SPDX-License-Identifier: Apache-2.0
"""Measure what precision `auto` decides by on this CPU, and whole networks: `python -m benchmarks.cpu_precision`.

The image encoder of each model named, in fp32 and in bf16 as the engine runs it, in turn on one image of the model's
square; Talk2DINO's with weights of seeded values, on which speed does not depend. Writes to benchmarks/results/.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import write_result
from talk2dino_ros.engine.bench.measure import in_turn
from talk2dino_ros.engine.bench.seeded import without_sums, write_seeded_weights
from talk2dino_ros.engine.models.networks import load_networks
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.runtime.cpu_bf16 import gains_by_bf16, measure
from talk2dino_ros.engine.runtime.devices import DTYPES


def main() -> None:
    """Measure, print, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["talk2dino_vitb", "mini"])
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    gains, why = gains_by_bf16()
    facts: dict[str, Any] = {"auto": "bf16" if gains else "fp32", "why": why, "layers": measure()}
    for name in arguments.models:
        with tempfile.TemporaryDirectory() as folder:
            facts[name] = times_of(name, Path(folder), arguments.rounds)
    for name, found in facts.items():
        print(name, found)
    write_result("cpu_precision", facts)


@torch.inference_mode()
def times_of(name: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Time one model's image encoder in both formats."""
    model = find_model(name)
    if name != "mini":
        write_seeded_weights(name, folder, roles=("image",))
        model = without_sums(model)
    weights = None if name == "mini" else folder
    image = torch.rand(1, 3, model.base_size, model.base_size)
    sides = {
        precision: partial(
            load_networks(model, "cpu", DTYPES[precision], weights, needs_text_encoder=False).image_encoder, image
        )
        for precision in ("fp32", "bf16")
    }
    times: dict[str, Any] = dict(in_turn(sides, rounds, warm_up=2, label=name))
    return {**times, "bf16_gain": round(times["fp32"]["median_s"] / times["bf16"]["median_s"], 2)}


if __name__ == "__main__":
    main()
