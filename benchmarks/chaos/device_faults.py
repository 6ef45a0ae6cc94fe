# SPDX-License-Identifier: Apache-2.0
"""A GPU that has no memory left, or whose context is broken (simulated by failing_node.py)."""

from __future__ import annotations

from benchmarks.chaos.cycle_faults import DOWN, UP, do
from benchmarks.chaos.failing_node import FAILURE
from benchmarks.chaos.fault import Outcome, fault, shorten
from benchmarks.chaos.stage import Stage

DONE = "each batch fails so, then the manager deactivates, cleans up, configures and activates"
ERROR = 2  # diagnostic_msgs' level


def fail(stage: Stage, kind: str) -> Outcome:
    """Let the device fail, and recover it as a lifecycle manager would, first while it still fails."""
    told = stage.folder / f"failure_{kind}"
    told.write_text("")
    environment = {FAILURE: str(told)}
    node = stage.start_segmenter(f"/{kind}", module="benchmarks.chaos.failing_node", environment=environment)
    with stage.camera("--namespace", f"/{kind}"):
        node.seconds_to_mask()
        told.write_text(kind)
        stage.wait(lambda: node.statuses["camera"].level == ERROR, "an error in diagnostics")
        said, state = node.statuses["camera"].message, node.state()
        do(node, *DOWN)
        is_refused = not node.change("configure")
        refused_state = node.state()
        told.write_text("")
        do(node, *UP)
        seconds = node.seconds_to_mask()
        status = node.status("camera")
    ending = node.end()
    seen = (
        f"{state} with the error “{shorten(said)}”; configure while it fails: {refused_state}; "
        f"afterwards a mask after {seconds:.1f} s, level {status.level}"
    )
    return Outcome(seen, is_refused and refused_state == "unconfigured" and status.level < ERROR and ending.is_good)


@fault(
    "the GPU has no memory left",
    done=f"CUDA out of memory: {DONE}",
    expected="an error in /diagnostics with a remedy, the node answers; a configure fails while it lasts, and succeeds "
    "afterwards: masks again",
    may_trace=True,
)
def no_gpu_memory(stage: Stage) -> Outcome:
    return fail(stage, "memory")


@fault(
    "a CUDA error",
    done=f"an illegal memory access: {DONE} (a real one lasts until the process ends)",
    expected="an error in /diagnostics, the node answers; a configure fails while it lasts, and succeeds afterwards",
    may_trace=True,
)
def cuda_error(stage: Stage) -> Outcome:
    return fail(stage, "context")
