# SPDX-License-Identifier: Apache-2.0
"""Measure success rate and errors of the robot of `make demo-nav` over seeded worlds.

    python -m benchmarks.navigation [--worlds 20]

Each world is a fresh start of all processes. Writes results/navigation_<date>.json and .md: success rate, simulated
time to find, error of the points against the simulator's truth.
"""

import argparse
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.machine import write_result
from benchmarks.nav.metrics import LegMetrics
from benchmarks.nav.nav_report import table, write_report
from benchmarks.nav.run import TARGETS, run_world
from talk2dino_ros.demo.processes import DemoError
from talk2dino_ros.engine.bench.machine import machine_line
from talk2dino_ros.engine.text.counted import counted


def main() -> None:
    """Run the worlds, say how they went, write the result."""
    parser = argparse.ArgumentParser(description="Go to objects by name in many simulated rooms.")
    parser.add_argument("--worlds", type=int, default=20, help="number of rooms (default: %(default)s)")
    parser.add_argument("--first-seed", type=int, default=0, help="seed of the first one (default: %(default)s)")
    parser.add_argument("--model", default="mini", help="model name (default: %(default)s)")
    parser.add_argument(
        "--refine", default="none", choices=("none", "pamr"), help="refinement of the masks (default: %(default)s)"
    )
    parser.add_argument("--reports", type=Path, help="folder for a plan and views of each room")
    arguments = parser.parse_args()
    verdicts, walls, failures = run_worlds(arguments)
    facts = {
        "model": arguments.model,
        "refine": arguments.refine,
        "worlds": arguments.worlds,
        "words": list(TARGETS),
        "worlds_without_a_result": failures,
        "wall_s_per_world_median": round(float(np.median(walls)), 1) if walls else None,
        **figures(verdicts, lost=len(failures) * len(TARGETS)),
        "legs": [dataclasses.asdict(verdict) for verdict in verdicts],
    }
    path = write_result("navigation", facts)
    write_page(path, verdicts)
    print(table(verdicts))
    print({name: value for name, value in facts.items() if name != "legs"})


def write_page(path: Path, verdicts: list[LegMetrics]) -> None:
    """Write the drives as Markdown beside their JSON file."""
    facts = json.loads(path.read_text())
    lines = [
        f"# Drives to objects in {counted(facts['worlds'], 'simulated room')}, `{facts['model']}`",
        "",
        f"Written by `python -m benchmarks.navigation` from [{path.name}]({path.name}); docs/demo_nav.md explains it.",
        "",
        f"{machine_line(facts['machine'])}.",
        "",
        table(verdicts),
    ]
    path.with_suffix(".md").write_text("\n".join(lines))


def run_worlds(arguments: argparse.Namespace) -> tuple[list[LegMetrics], list[float], dict[int, str]]:
    """Run each seed; a world that breaks off counts as a failure with its reason, and the rest go on."""
    verdicts: list[LegMetrics] = []
    walls: list[float] = []
    failures: dict[int, str] = {}
    for seed in tqdm(range(arguments.first_seed, arguments.first_seed + arguments.worlds), unit="world"):
        options = {"model": arguments.model, "refine": arguments.refine, "log_level": "warn"}
        try:
            outcome = run_world(seed, list(TARGETS), **options)
        except DemoError as error:
            failures[seed] = str(error)
            tqdm.write(f"world {seed}: {error}")
            continue
        verdicts += outcome.verdicts
        walls.append(outcome.wall_s)
        tqdm.write(table(outcome.verdicts))
        if arguments.reports:
            write_report(outcome, arguments.reports / f"world_{seed}")
    return verdicts, walls, failures


def figures(verdicts: list[LegMetrics], lost: int) -> dict[str, Any]:
    """Return the success of all legs, lost ones too; times and places of those that found one; all points' errors."""
    legs = len(verdicts) + lost
    errors = [error for verdict in verdicts for error in verdict.point_errors_m]
    return {
        "legs_run": legs,
        "success_rate": round(sum(verdict.is_success for verdict in verdicts) / max(legs, 1), 3),
        "find_s": spread([verdict.find_s for verdict in verdicts]),
        "place_error_m": spread([verdict.place_error_m for verdict in verdicts]),
        "facing_error_deg": spread([verdict.facing_error_deg for verdict in verdicts]),
        "detections": len(errors),
        "point_error_m": spread(errors),
    }


def spread(values: list[float]) -> dict[str, float]:
    """Return mean, median, 95th percentile and largest of the values that there are."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return {}
    p50, p95 = np.percentile(known, [50, 95])
    made = {"mean": np.mean(known), "p50": p50, "p95": p95, "max": max(known)}
    return {name: round(float(value), 3) for name, value in made.items()}


if __name__ == "__main__":
    main()
