# SPDX-License-Identifier: Apache-2.0
"""A full disk, a read-only home and log folder, no network."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

from benchmarks.chaos.fault import NotTriedError, Outcome, fault, shorten
from benchmarks.chaos.stage import Stage
from benchmarks.chaos.victim import Victim

FULL = 'mount -t tmpfs -o size=256k tmpfs "$0" && { head -c 1000000 /dev/zero > "$0/filler" 2>/dev/null; exec "$@"; }'
READ_ONLY = 'mount -t tmpfs -o size=256k,ro tmpfs "$0" && exec "$@"'
DOWN_S = 20.0


def apart(*options: str) -> tuple[str, ...]:
    """Return the command that runs another in namespaces of its own; raise NotTriedError where none can be had."""
    command = ("unshare", *options)
    for words in (command, (*command, "--user", "--map-root-user")):
        if (
            shutil.which("unshare")
            and not subprocess.run([*words, "true"], capture_output=True, check=False).returncode
        ):
            return words
    raise NotTriedError(
        f"{' '.join(command)} is not allowed here; try it as root, or where user namespaces are allowed"
    )


def warnings_of(node: Victim) -> str:
    """Return what the node warned of, on one line."""
    lines = [line for line in node.output.splitlines() if any(word in line for word in ("[WARN]", "[ERROR]", "rror"))]
    return shorten(" / ".join(line.rpartition("]: ")[2] for line in lines)) or "nothing"


def on_disk(stage: Stage, name: str, mount: str) -> Outcome:
    """Run a node whose home, caches, state file and logs are in a folder that is mounted so."""
    from talk2dino_msgs.srv import SetVocabulary

    folder = stage.folder / name
    folder.mkdir(exist_ok=True)
    command = (*apart("--mount"), "sh", "-c", mount, str(folder))
    environment = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "ROS_LOG_DIR": str(folder / "log")}
    parameters = (f"state_file:={folder}/state.json",)
    node = stage.start_segmenter(f"/{name}", *parameters, environment=environment, command=command)
    with stage.camera("--namespace", f"/{name}"):
        node.seconds_to_mask()
        reply = node.call(SetVocabulary, "set_vocabulary", classes=["cup", "train"])
        node.seconds_to_mask()
    ending = node.end()
    seen = f"masks come; it warned: {warnings_of(node)}; ended with {ending}"
    return Outcome(seen, reply.success and "could not be written" in reply.message and ending.is_good)


@fault(
    "disk full",
    done="home, cache, state file and ROS_LOG_DIR on a disk without a free byte",
    expected="the node starts, warns in sentences, segments; set_vocabulary works and says that it will be forgotten",
)
def disk_full(stage: Stage) -> Outcome:
    return on_disk(stage, "full", FULL)


@fault(
    "read-only home and ROS_LOG_DIR",
    done="home, cache, state file and ROS_LOG_DIR on a read-only disk",
    expected="the node starts, warns in sentences, segments; set_vocabulary works and says that it will be forgotten",
)
def disk_read_only(stage: Stage) -> Outcome:
    return on_disk(stage, "read_only", READ_ONLY)


def ends_by_itself(node: Victim) -> tuple[int, str]:
    """Wait for the end; return exit code and the last line."""
    code = node.wait_for_end()
    lines: Sequence[str] = node.output.strip().splitlines() or [""]
    return code, lines[-1]


@fault(
    "no network",
    done="a node in a network namespace without any interface: with mini, and with a model whose weights are not there",
    expected="mini starts and ends well by SIGTERM; the other one ends with code 1 and a sentence",
)
def no_network(stage: Stage) -> Outcome:
    command = apart("--net")
    node = stage.start_segmenter("/alone", command=command, is_awaited=False)
    node.wait_for_log("looks for")
    ending = node.end()
    other = stage.start_segmenter("/unfetched", "model:=talk2dino_vitb", command=command, is_awaited=False)
    code, said = ends_by_itself(other)
    is_said = "could not be downloaded" in said or "put it into" in said
    return Outcome(
        f"mini: {ending}; the other: code {code}, “{shorten(said)}”", ending.is_good and code == 1 and is_said
    )
