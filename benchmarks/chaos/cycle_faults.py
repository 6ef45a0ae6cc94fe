# SPDX-License-Identifier: Apache-2.0
"""A node that is configured and cleaned up again and again, and what is damaged between two of it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.chaos.fault import ChaosError, Outcome, fault, shorten
from benchmarks.chaos.stage import Stage
from benchmarks.chaos.victim import Victim

CYCLES, SETTLED = 50, 10  # what came after so many is compared with the end
MOST_GROWTH_MB = 12  # between the ten cycles around SETTLED and the last ten; 1 MB a cycle makes 35
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


def growth(values: Sequence[float]) -> float:
    """Return by how much the last ten of CYCLES cycles lie above the ten around SETTLED, by the least of each ten:
    a descriptor may be open for a moment, and what is kept is there in all of them.
    """
    return min(values[-10:]) - min(values[SETTLED - 5 : SETTLED + 5])


def flatness(counts: Sequence[dict[str, float]]) -> Outcome:
    """Tell what grew in CYCLES cycles, of `Victim.resources` after each."""
    seen = ", ".join(
        f"{name} {counts[0][name]:g}, {counts[SETTLED - 1][name]:g}, {counts[-1][name]:g}" for name in counts[0]
    )
    grown = {name: growth([each[name] for each in counts]) for name in counts[0]}
    kept = [name for name, more in grown.items() if more > (MOST_GROWTH_MB if name == "memory_mb" else 0)]
    text = f"after 1, {SETTLED}, {CYCLES}: {seen}; by the least of ten cycles memory {grown['memory_mb']:+.1f} MB"
    return Outcome(text, not kept, ", ".join(kept) or "nothing")


FLAT = (
    f"threads, descriptors and shared memory in the last ten cycles as in the ten around the {SETTLED}th, at most "
    f"{MOST_GROWTH_MB} MB more of memory (35 where each cycle keeps 1 MB)"
)


@fault(
    f"{CYCLES} cycles of configure and cleanup",
    done=f"configure, activate, a mask, deactivate, cleanup, {CYCLES} times",
    expected=FLAT,
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
    return flatness(counts)


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
