# SPDX-License-Identifier: Apache-2.0
"""Measure over several seeds that the training learns, and draw it: `python -m benchmarks.synthetic_mapping`.

Each seed draws its own world, teaches its own backbone and learns one mapping per head choice, see
benchmarks/synthetic/proof.py: minutes a seed. `--draw` only draws and tabulates the newest results.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # no display is needed
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.machine import RESULTS, write_result
from talk2dino_ros.engine.bench.machine import machine_line
from talk2dino_ros.engine.text.counted import counted

NAME = "synthetic_mapping"
DOCS = RESULTS.parents[1] / "docs"
BARS = {  # what is drawn, and its colour
    "constant": ("one word everywhere", "#b8b8b8"),
    "random": ("words by lot", "#b8b8b8"),
    "untrained": ("untrained mapping", "#8c8c8c"),
    "shuffled": ("captions of other images", "#8c8c8c"),
    "average": ("mean of the patches", "#5aa0d8"),
    "mean_heads": ("mean of the heads", "#5aa0d8"),
    "max_score": ("best head per caption", "#1f5fa8"),
}


def main() -> None:
    """Prove it for each seed, then write JSON, table and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds (default: %(default)s)")
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help="number of processes, which share the seeds; each computes in one thread (default: %(default)s)",
    )
    parser.add_argument("--draw", action="store_true", help="only draw the newest results and write their table")
    arguments = parser.parse_args()
    path = (
        max(RESULTS.glob(f"{NAME}_*.json"), default=None)
        if arguments.draw
        else measure(arguments.seeds, arguments.processes)
    )
    if path is None:
        parser.error(f"--draw finds no {NAME}_*.json in {RESULTS}, expected one; measure first")
    facts = json.loads(path.read_text())
    path.with_suffix(".md").write_text(table(facts))
    draw(facts, DOCS / "train_synthetic.png")


def measure(seeds: int, processes: int) -> Path:
    """Return the file with the outcome of each seed."""
    from benchmarks.synthetic.backbone import BackboneRecipe
    from benchmarks.synthetic.proof import UNSEEN
    from benchmarks.synthetic.synthetic_mapping import CHANGES, MappingRecipe

    outcomes = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for outcome in pool.map(measure_seed, range(seeds)):
            outcomes.append(outcome)
            print(json.dumps(outcome), flush=True)
    facts = {
        "processes": processes,
        "backbone": asdict(BackboneRecipe()),
        "mapping": {**asdict(MappingRecipe()), "recipe": "talk2dino_vitb", "changes": CHANGES},
        "unseen": UNSEEN,
        "outcomes": outcomes,
    }
    return write_result(NAME, facts)


def measure_seed(seed: int) -> dict[str, Any]:
    """Return one seed's outcome, computed with one thread."""
    import torch

    from benchmarks.synthetic.proof import prove

    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        return asdict(prove(Path(folder), seed))


def values_of(facts: dict[str, Any]) -> dict[str, list[float]]:
    """Return each bar's mIoU by seed, 0..1."""
    flat = [{**outcome, **outcome["mapped"]} for outcome in facts["outcomes"]]
    return {name: [outcome[name] for outcome in flat] for name in BARS}


def table(facts: dict[str, Any]) -> str:
    """Return the results in Markdown."""
    outcomes = facts["outcomes"]
    unseen = {"random": [each["unseen_random"] for each in outcomes]}
    unseen |= {choice: [each["unseen"][choice] for each in outcomes] for choice in outcomes[0]["unseen"]}
    weight = {choice: [each["weight_on_named"][choice] for each in outcomes] for choice in outcomes[0]["unseen"]}
    lines = [
        f"# Training in the synthetic world, {counted(len(outcomes), 'seed')}",
        "",
        "Written by `python -m benchmarks.synthetic_mapping`; docs/train.md explains it.",
        "",
        f"{machine_line(facts['machine'])}, one thread a seed. Mean (lowest to highest) in percent.",
        "",
        "| what stands for an image | mIoU, unseen scenes | IoU, unseen objects | weight on the object named |",
        "|---|---|---|---|",
    ]
    for name, values in values_of(facts).items():
        cells = [_spread(some.get(name)) for some in ({name: values}, unseen, weight)]
        lines.append(f"| {BARS[name][0]} | {' | '.join(cells)} |")
    named = ", ".join(" ".join(pair) for pair in facts["unseen"])
    seconds = [sum(each["cpu_s"].values()) for each in outcomes]
    lines += [
        "",
        f"Unseen objects: {named}; neither the backbone nor the mapping has seen them, and all words compete.",
        f"A seed takes {np.mean(seconds):.0f} s of one core ({min(seconds):.0f} to {max(seconds):.0f}), "
        "the backbone included.",
        "",
    ]
    return "\n".join(lines)


def _spread(values: list[float] | None) -> str:
    if values is None:
        return ""
    low, mean, high = (100 * value for value in (min(values), np.mean(values), max(values)))
    return f"{mean:.1f} ({low:.1f} to {high:.1f})"


def draw(facts: dict[str, Any], path: Path) -> None:
    """Draw one bar per way, with a dot per seed."""
    figure, axes = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
    for row, (name, values) in enumerate(values_of(facts).items()):
        percent = 100 * np.array(values)
        axes.barh(row, percent.mean(), color=BARS[name][1], height=0.6)
        axes.plot(percent, np.full(len(percent), row), "o", color="#222222", markersize=3)
        axes.text(percent.max() + 0.8, row, f"{percent.mean():.1f}", va="center", fontsize=9)
    axes.set_yticks(range(len(BARS)), [label for label, _ in BARS.values()])
    axes.set_xlabel(f"mIoU on unseen scenes, percent; a dot is one of {counted(len(facts['outcomes']), 'seed')}")
    axes.set_xlim(0, 1.15 * 100 * max(max(values) for values in values_of(facts).values()))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    plt.close(figure)
    print(f"written to {path}")


if __name__ == "__main__":
    main()
