# SPDX-License-Identifier: Apache-2.0
"""A full or read-only disk under the memory and the goal node, from the start and while they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.chaos.cycle_faults import UP, do
from benchmarks.chaos.disk_faults import FULL, READ_ONLY, apart
from benchmarks.chaos.fault import Outcome, fault, shorten
from benchmarks.chaos.features import features_message
from benchmarks.chaos.neighbour_faults import ask, start
from benchmarks.chaos.stage import Stage
from benchmarks.chaos.victim import Victim

ERROR = 2  # diagnostic_msgs' level


def start_on(stage: Stage, name: str, disk: str, mount: str) -> tuple[Victim, Path]:
    """Start a node whose memory and logs are on a disk of its own; return it with the disk's folder."""
    folder = stage.folder / f"{name}_{disk}"
    folder.mkdir(exist_ok=True)
    command = (*apart("--mount"), "sh", "-c", mount, str(folder))
    environment = {"HOME": str(folder), "ROS_LOG_DIR": str(folder / "log")}
    parameters = (f"folder:={folder / 'memory'}",) if name == "memory" else ()
    node = start(stage, name, f"/{disk}", *parameters, command=command, environment=environment)
    return node, Path(f"/proc/{node.process.pid}/root{folder}")  # as the node sees it


def refusal(node: Victim) -> str:
    """Configure in vain, and return why."""
    before = len(node.output)
    if node.change("configure"):
        return ""
    node.wait_for_state("unconfigured")
    lines = [line for line in node.output[before:].splitlines() if "[ERROR]" in line]
    return lines[0].rpartition("]: ")[2] if lines else ""


def goal_works(stage: Stage, disk: str, mount: str) -> bool:
    """Whether the goal node, which keeps nothing but its log, answers there, and ends well."""
    node, _ = start_on(stage, "goal", disk, mount)
    do(node, *UP)
    return bool(ask(node, "goal")) and node.end().is_good


def drive(stage: Stage, node: Victim, publisher: Any, numbers: Iterator[int], *, is_written: bool) -> str:
    """Publish features until the memory has written one, or says that it cannot; return what it says."""
    first = int(node.status("memory").values["keyframes"])

    def is_so() -> bool:
        publisher.publish(features_message(next(numbers)))
        status = node.status("memory")
        if is_written:
            return status.level < ERROR and int(status.values["keyframes"]) > first
        return status.level == ERROR

    stage.wait(is_so, f"a memory that {'writes' if is_written else 'cannot write'}", 60.0)
    return node.statuses["memory"].message


def fill(disk: Path) -> None:
    """Leave no free byte."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@fault(
    "disk full under the memory and the goal node",
    done="the memory's folder and ROS_LOG_DIR on a disk without a free byte, which gets room, and is filled and gets "
    "room again while images are remembered",
    expected="configure fails in a sentence, and succeeds once there is room; images that cannot be written are an "
    "error in /diagnostics while there is none; the goal node answers without any",
)
def neighbours_disk_full(stage: Stage) -> Outcome:
    from talk2dino_msgs.msg import PatchFeatures

    node, disk = start_on(stage, "memory", "full_disk", FULL.replace("256k", "4m").replace("1000000", "5000000"))
    refused = refusal(node)
    (disk / "filler").unlink()
    do(node, *UP)
    publisher = stage.node.create_publisher(PatchFeatures, "/full_disk/talk2dino/patch_features", 10)
    stage.wait(publisher.get_subscription_count, "the memory's subscription")
    numbers = count()
    drive(stage, node, publisher, numbers, is_written=True)
    fill(disk)
    said = drive(stage, node, publisher, numbers, is_written=False)
    (disk / "filler").unlink()
    drive(stage, node, publisher, numbers, is_written=True)
    ending = node.end()
    is_well = goal_works(stage, "full_disk", FULL)
    seen = f"“{shorten(refused)}”; then “{shorten(said)}”, and written again; goal node well: {is_well}"
    return Outcome(seen, bool(refused) and is_well and ending.is_good)


@fault(
    "read-only disk under the memory and the goal node",
    done="the memory's folder and ROS_LOG_DIR on a read-only disk; then another folder",
    expected="configure fails in a sentence, and succeeds with the other folder; the goal node answers",
)
def neighbours_disk_read_only(stage: Stage) -> Outcome:
    node, _ = start_on(stage, "memory", "read_only_disk", READ_ONLY)
    refused = refusal(node)
    node.set_parameter("folder", str(stage.folder / "elsewhere"))
    do(node, *UP)
    is_answered = bool(ask(node, "memory"))
    ending = node.end()
    is_well = goal_works(stage, "read_only_disk", READ_ONLY)
    seen = f"“{shorten(refused)}”; with another folder it is active; goal node well: {is_well}"
    return Outcome(seen, bool(refused) and is_answered and is_well and ending.is_good)
