# SPDX-License-Identifier: Apache-2.0
"""SIGINT and SIGTERM in every lifecycle state, and while the node starts, loads or downloads."""

from __future__ import annotations

import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from benchmarks.chaos.fault import Outcome, fault
from benchmarks.chaos.stage import Stage
from benchmarks.chaos.victim import ProcessEnd, Victim

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXPECTED = "it ends within 2 s with exit code 0 and no traceback, in each way (on a busy machine the seconds are told)"
MANUAL = "autostart:=false"
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "unconfigured": (),
    "inactive": ("configure",),
    "active": ("configure", "activate"),
    "finalized": ("unconfigured_shutdown",),
}


def ended(endings: Mapping[str, ProcessEnd]) -> Outcome:
    """Tell how processes ended."""
    seen = ", ".join(f"{name}: {ending}" for name, ending in endings.items())
    bad = [name for name, ending in endings.items() if not ending.is_good]
    return Outcome(seen, not bad, ", ".join(bad) or "nothing")


def in_state(stage: Stage, state: str) -> Outcome:
    """End a node by each signal in a lifecycle state."""
    endings: dict[str, ProcessEnd] = {}
    for number in SIGNALS:
        node = stage.start_segmenter(f"/{state}", MANUAL)
        for transition in TRANSITIONS[state]:
            node.change(transition)
        node.wait_for_state(state)
        endings[number.name] = node.end(number)
    return ended(endings)


@fault("signals while unconfigured", done="SIGINT, SIGTERM to an unconfigured node", expected=EXPECTED)
def signals_unconfigured(stage: Stage) -> Outcome:
    return in_state(stage, "unconfigured")


@fault("signals while inactive", done="SIGINT, SIGTERM to an inactive node", expected=EXPECTED)
def signals_inactive(stage: Stage) -> Outcome:
    return in_state(stage, "inactive")


@fault("signals while active", done="SIGINT, SIGTERM to a node that segments images", expected=EXPECTED)
def signals_active(stage: Stage) -> Outcome:
    with stage.camera("--namespace", "/active", "--rate", "30", "--size", "640x480"):
        return in_state(stage, "active")


@fault("signals after shutdown", done="SIGINT, SIGTERM to a finalized node", expected=EXPECTED)
def signals_finalized(stage: Stage) -> Outcome:
    return in_state(stage, "finalized")


def at_moments(
    stage: Stage, begin: Callable[[str], Victim], is_begun: Callable[[Victim], bool], delays_s: Sequence[float]
) -> Outcome:
    """End nodes by each signal so many seconds after something has begun."""
    endings: dict[str, ProcessEnd] = {}
    for number in SIGNALS:
        for delay_s in delays_s:
            node = begin(f"/moment_{len(endings)}")
            stage.wait(partial(is_begun, node), "the moment")
            time.sleep(delay_s)
            endings[f"{number.name} after {delay_s:g} s"] = node.end(number)
    return ended(endings)


def catches_signals(node: Victim) -> bool:
    """Whether the process has a handler for SIGTERM, which Python itself has not (Linux)."""
    caught = re.search(r"^SigCgt:\s+(\w+)$", Path(f"/proc/{node.process.pid}/status").read_text(), re.MULTILINE)
    return bool(caught and int(caught[1], 16) >> signal.SIGTERM - 1 & 1)


@fault(
    "signals while starting",
    done="SIGINT, SIGTERM to a node that imports ROS, from the moment on in which it has a handler (before that Python "
    "itself starts, and ends by the signal)",
    expected=EXPECTED,
)
def signals_starting(stage: Stage) -> Outcome:
    begin = partial(stage.start_segmenter, is_awaited=False)
    return at_moments(stage, begin, catches_signals, (0.0, 0.2, 0.6))


@fault("signals while loading", done="SIGINT, SIGTERM to a node that loads its model", expected=EXPECTED)
def signals_loading(stage: Stage) -> Outcome:
    begin = partial(stage.start_segmenter, is_awaited=False)
    return at_moments(stage, begin, lambda node: "loading mini" in node.output, (0.0, 0.5, 1.5))


@fault(
    "signals while downloading",
    done="SIGINT, SIGTERM to a node that waits for its weights from a server that sends nothing",
    expected=EXPECTED,
)
def signals_downloading(stage: Stage) -> Outcome:
    with silent_server() as (address, asked):
        environment = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), address) | {"no_proxy": ""}

        def begin(namespace: str) -> Victim:
            asked.clear()
            parameters = ("model:=talk2dino_vitb",)
            return stage.start_segmenter(namespace, *parameters, environment=environment, is_awaited=False)

        return at_moments(stage, begin, lambda _: bool(asked), (0.0, 1.0))


@contextmanager
def silent_server() -> Iterator[tuple[str, list[socket.socket]]]:
    """Listen as a proxy that never answers; yield its address, and the connections so far."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):  # closed
                while True:
                    asked.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
