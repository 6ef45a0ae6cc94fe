# SPDX-License-Identifier: Apache-2.0
"""A node that is configured and cleaned up again and again, and what is damaged between two of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.chaos.fault import ChaosError, Outcome, fault, shorten
from benchmarks.chaos.stage import Stage
from benchmarks.chaos.victim import Victim

CYCLES, SETTLED = 50, 10  # memory is compared with that after so many
MOST_GROWTH_MB = 40  # between the two; what a cycle loses adds up to more
MODELS_S = 60.0  # for an image that a busy machine is still at
UP = ("configure", "activate")
DOWN = ("deactivate", "cleanup")


def do(node: Victim, *transitions: str) -> None:
    """Do lifecycle transitions that have to succeed; a cleanup again where the model was still at work on an image."""
    for transition in transitions:
        end_s = time.monotonic() + (MODELS_S if transition == "cleanup" else 0.0)
        while not (is_done := node.change(transition)) and time.monotonic() < end_s:
            time.sleep(1.0)
        if not is_done:
            raise ChaosError(f"{transition} failed: {shorten(node.output[-300:])}")


@fault(
    f"{CYCLES} cycles of configure and cleanup",
    done=f"configure, activate, a mask, deactivate, cleanup, {CYCLES} times",
    expected=f"threads, descriptors and shared memory as after {SETTLED}, at most {MOST_GROWTH_MB} MB more of memory",
)
def many_cycles(stage: Stage) -> Outcome:
    node = stage.start_segmenter("/cycles", "autostart:=false")
    counts = []
    with stage.camera("--namespace", "/cycles"):
        for _ in range(CYCLES):
            do(node, *UP)
            node.seconds_to_mask()
            do(node, *DOWN)
            counts.append(node.resources())
    node.end()
    settled, end = counts[SETTLED - 1], counts[-1]
    seen = ", ".join(f"{name} {counts[0][name]:g}, {settled[name]:g}, {end[name]:g}" for name in end)
    grown = [name for name in ("threads", "descriptors", "shared_mb") if end[name] > settled[name]]
    is_held = not grown and end["memory_mb"] <= settled["memory_mb"] + MOST_GROWTH_MB
    return Outcome(f"after 1, {SETTLED}, {CYCLES}: {seen}", is_held, ", ".join(grown) or "nothing")


def damage(folder: Path) -> list[str]:
    """Overwrite the middle of each file below a folder; return the kinds of files."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]
    for path in files:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 3)
            file.write(os.urandom(min(4096, path.stat().st_size)))
    return sorted({path.relative_to(folder).parts[0] for path in files})


@fault(
    "caches and state damaged between two configures",
    done="random bytes in the middle of every file of the cache folder and of the state file, while unconfigured",
    expected="the next configure succeeds, each damage is a sentence in the log at most, masks come",
)
def damaged_caches(stage: Stage) -> Outcome:
    folder = stage.folder / "damaged"
    environment = {"XDG_CACHE_HOME": str(folder)}
    parameters = ("autostart:=false", f"state_file:={folder}/state/state.json")
    node = stage.start_segmenter("/damaged", *parameters, environment=environment)
    with stage.camera("--namespace", "/damaged"):
        do(node, *UP)
        node.seconds_to_mask()
        do(node, *DOWN)
        before = len(node.output)
        kinds = [*damage(folder / "talk2dino_ros"), *damage(folder / "state")]
        do(node, *UP)
        node.seconds_to_mask()
    said = [line.rpartition("]: ")[2] for line in node.output[before:].splitlines() if "[WARN]" in line]
    ending = node.end()
    return Outcome(f"damaged: {', '.join(kinds)}; it said: {shorten(' / '.join(said))}", ending.is_good)


@fault(
    "damaged weights",
    done="configure with a weights_dir whose files are random bytes, then with the model that needs none",
    expected="the first fails in a sentence and leaves the node unconfigured, the second succeeds, masks come",
)
def damaged_weights(stage: Stage) -> Outcome:
    folder = stage.folder / "weights"
    folder.mkdir(exist_ok=True)
    for name in ("dinov2_vitb14_reg4_pretrain.pth", "vitb_mlp_infonce.pth", "ViT-B-16.pt"):
        (folder / name).write_bytes(os.urandom(1 << 16))
    node = stage.start_segmenter("/weights", "autostart:=false")
    for name, value in (("model", "talk2dino_vitb"), ("weights_dir", str(folder))):
        node.set_parameter(name, value)
    is_refused = not node.change("configure")
    node.wait_for_log("[ERROR]")
    said = next(line for line in node.output.splitlines() if "[ERROR]" in line).rpartition("]: ")[2]
    state = node.state()
    for name, value in (("model", "mini"), ("weights_dir", "")):
        node.set_parameter(name, value)
    with stage.camera("--namespace", "/weights"):
        do(node, *UP)
        node.seconds_to_mask()
    ending = node.end()
    return Outcome(f"“{shorten(said)}”, then {state}", is_refused and state == "unconfigured" and ending.is_good)
