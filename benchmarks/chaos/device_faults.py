# SPDX-License-Identifier: Apache-2.0
"""A GPU that has no memory left, or whose context is broken (simulated by failing_node.py)."""

from __future__ import annotations

from pathlib import Path

from benchmarks.chaos.cycle_faults import DOWN, UP, do
from benchmarks.chaos.failing_node import FAILURE
from benchmarks.chaos.fault import Outcome, fault, shorten
from benchmarks.chaos.stage import Stage
from benchmarks.chaos.victim import Victim

DONE = "each batch fails so, then the manager deactivates, cleans up, configures and activates"
ERROR = 2  # diagnostic_msgs' level
QUIET_S = 40.0  # twice the shortest time that the watchdog of failing_node.py looks at


def start_failing(stage: Stage, kind: str) -> tuple[Victim, Path]:
    """Start a node that fails as the file says that is returned too."""
    told = stage.folder / f"failure_{kind}"
    told.write_text("")
    environment = {FAILURE: str(told)}
    return stage.start_segmenter(f"/{kind}", module="benchmarks.chaos.failing_node", environment=environment), told


def fail(stage: Stage, kind: str) -> Outcome:
    """Let the device fail, and recover it as a lifecycle manager would, first while it still fails."""
    node, told = start_failing(stage, kind)
    with stage.camera("--namespace", f"/{kind}"):
        node.seconds_to_mask()
        told.write_text(kind)
        stage.wait(lambda: node.statuses["model"].level == ERROR, "an error of the model in diagnostics")
        said, state = node.statuses["model"].message, node.state()
        do(node, *DOWN)
        is_refused = not node.change("configure")
        refused_state = node.state()
        told.write_text("")
        do(node, *UP)
        seconds = node.seconds_to_mask()
        status = node.status("model")
    ending = node.end()
    seen = (
        f"{state} with the error “{shorten(said)}”; configure while it fails: {refused_state}; "
        f"afterwards a mask after {seconds:.1f} s, level {status.level}"
    )
    return Outcome(seen, is_refused and refused_state == "unconfigured" and status.level < ERROR and ending.is_good)


@fault(
    "the GPU has no memory left",
    done=f"CUDA out of memory: {DONE}",
    expected="an error of the model in /diagnostics with a remedy, the node answers; a configure fails while it "
    "lasts, and succeeds afterwards: masks again",
    may_trace=True,
)
def no_gpu_memory(stage: Stage) -> Outcome:
    return fail(stage, "memory")


@fault(
    "a CUDA error",
    done=f"an illegal memory access: {DONE} (a real one lasts until the process ends)",
    expected="an error of the model in /diagnostics, the node answers; a configure fails while it lasts, and succeeds "
    "afterwards",
    may_trace=True,
)
def cuda_error(stage: Stage) -> Outcome:
    return fail(stage, "context")


@fault(
    "memory that leaks",
    done=f"images segmented for {QUIET_S:g} s without a fault, then each keeps 2 MB for ever (the watchdog looks at "
    "20 s in place of ten minutes)",
    expected="the node's status says nothing of memory before, and then that it grows, by how much, and what to do",
)
def memory_leak(stage: Stage) -> Outcome:
    node, told = start_failing(stage, "leak")
    with stage.camera("--namespace", "/leak"):
        node.seconds_to_mask()
        stage.spin(QUIET_S)
        before = node.status("node")
        told.write_text("leak")
        stage.wait(lambda: "memory has grown" in node.statuses["node"].message, "an alarm of the memory", 120.0)
        said = node.statuses["node"].message
    ending = node.end()
    return Outcome(f"before: “{before.message}”; then “{shorten(said)}”", before.level == 0 and ending.is_good)
