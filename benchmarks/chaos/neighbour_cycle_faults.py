# SPDX-License-Identifier: Apache-2.0
"""The nodes memory and goal, configured and cleaned up again and again, and on clocks that no clock should be."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmarks.chaos.clock_faults import CLOCKS, WRONG_AFTER_S
from benchmarks.chaos.cycle_faults import CYCLES, DOWN, FLAT, UP, do, flatness
from benchmarks.chaos.fault import Outcome, fault
from benchmarks.chaos.neighbour_faults import ask, start
from benchmarks.chaos.stage import Stage
from benchmarks.memory.speed import remember_facts
from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore

BUILDING = Namespace(keyframes=40, rebuilt=300, patches=200, dimensions=64)


def remembered(folder: Path) -> Path:
    """Write a memory of a map `room` into a folder, and return the folder."""
    store = KeyframeStore(folder, "room")
    remember_facts(store, BUILDING)
    store.close()
    return folder


def cycled(stage: Stage, name: str, *parameters: str) -> Outcome:
    """Configure a node, ask it, and clean it up, many times."""
    node = start(stage, name, f"/cycles_{name}", *parameters)
    counts = []
    for _ in range(CYCLES):
        do(node, *UP)
        ask(node, name)
        do(node, *DOWN)
        counts.append(node.resources())
    node.end()
    return flatness(counts)


@fault(
    f"{CYCLES} cycles of the memory node",
    done=f"configure on a memory of {BUILDING.rebuilt} images, activate, a find, deactivate, cleanup, {CYCLES} times",
    expected=FLAT,
)
def memory_cycles(stage: Stage) -> Outcome:
    return cycled(stage, "memory", f"folder:={remembered(stage.folder / 'cycles')}")


@fault(
    f"{CYCLES} cycles of the goal node",
    done=f"configure, activate, a go_to, deactivate, cleanup, {CYCLES} times",
    expected=FLAT,
)
def goal_cycles(stage: Stage) -> Outcome:
    return cycled(stage, "goal")


@fault(
    "simulated clocks of the memory and the goal node",
    done=f"use_sim_time, and after 2 s a clock that {', one that '.join(CLOCKS.values())}",
    expected="find and go_to are answered in a sentence, /diagnostics comes, with each clock, and back to inactive",
)
def neighbours_clocks(stage: Stage) -> Outcome:
    nodes = {name: start(stage, name, "/clocks", "use_sim_time:=true") for name in ("memory", "goal")}
    said = []
    for kind in CLOCKS:
        with stage.camera("--namespace", "/clocks", "--clock", kind, "--silent"):
            for node in nodes.values():
                do(node, *UP)
            stage.spin(WRONG_AFTER_S)
            for name, node in nodes.items():
                said.append(ask(node, name))
                node.status("node")
                do(node, *DOWN)
    endings = {name: node.end() for name, node in nodes.items()}
    seen = ", ".join(f"{name}: {ending}" for name, ending in endings.items())
    return Outcome(
        f"{sum(map(bool, said))} of {len(said)} answers; {seen}",
        all(said) and all(each.is_good for each in endings.values()),
    )
