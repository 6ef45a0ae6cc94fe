# SPDX-License-Identifier: Apache-2.0
"""Where faults happen: a ROS domain, a folder, and the processes that were started; each is ended at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.chaos.fault import ChaosError, shorten
from benchmarks.chaos.victim import Victim

ROOT = Path(__file__).resolve().parents[2]
SEGMENTER = "talk2dino_ros.segmenter.segmenter_main"
CAMERA = "benchmarks.chaos.camera"
PARAMETERS = ("model:=mini", "vocabulary:=[cup, dog]", "background:=0.0", "new_reader_pause_s:=0.0")
QUICK = ("diagnostics_period_s:=0.2", "image_timeout_s:=1.5")
PATIENCE_S = 300.0  # a busy machine's; what has to be quick is measured, and not waited for


class Complaint(NamedTuple):
    """Something that a process must not do or print."""

    text: str
    is_traceback: bool


class Stage:
    """The ROS end of the faults. folder: for logs, caches and what faults damage."""

    def __init__(self, folder: Path) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.signals import SignalHandlerOptions

        self.folder = folder
        self._rclpy = rclpy
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("chaos")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._processes: list[tuple[str, subprocess.Popen[bytes], Path]] = []
        self._read: dict[Path, int] = {}
        self._victims: list[Victim] = []
        self._shared: Victim | None = None

    def close(self) -> None:
        """End all that was started."""
        for _, process, _ in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self._executor.shutdown()
        self.node.destroy_node()
        self._rclpy.shutdown()

    def segmenter(self) -> Victim:
        """Return an active segmenter, the same one for all faults that leave it alive."""
        if self._shared is None or not self._shared.is_alive:
            self._shared = self.start_segmenter("/chaos")
        return self._shared

    def start_segmenter(
        self,
        namespace: str,
        *parameters: str,
        module: str = SEGMENTER,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = (),
        is_awaited: bool = True,
    ) -> Victim:
        """Start a segmenter; wait until it segments, or, with autostart off, until it answers.

        command: what the interpreter is started by, such as ("unshare", "-n").
        """
        values = (*PARAMETERS, *QUICK, *parameters)
        victim = self.start(module, namespace, *values, environment=environment, command=command)
        if is_awaited:
            autostart = "autostart:=false" not in parameters
            victim.wait_for_state("active" if autostart else "unconfigured")
        return victim

    def start(
        self,
        module: str,
        namespace: str,
        *parameters: str,
        node: str = "talk2dino",
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = (),
    ) -> Victim:
        """Start a node's executable in an interpreter of its own."""
        words = [word for each in parameters for word in ("-p", each)]
        arguments = ["--ros-args", "-r", f"__ns:={namespace}", *words]
        process, log = self._start(f"{node} of {namespace}", module, arguments, environment, command)
        victim = Victim(self, process, log, namespace, node)
        self._victims.append(victim)
        return victim

    @contextmanager
    def camera(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a camera with these options; it is killed at the end."""
        with self.helper(CAMERA, *options) as process:
            yield process

    @contextmanager
    def helper(self, module: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a module that is no node of ours; it is killed at the end."""
        process, _ = self._start(module.rpartition(".")[2], module, list(options), None, ())
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _start(
        self,
        name: str,
        module: str,
        arguments: list[str],
        environment: Mapping[str, str] | None,
        command: Sequence[str],
    ) -> tuple[subprocess.Popen[bytes], Path]:
        log = self.folder / f"process_{len(self._processes)}.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT,
                env={**os.environ, **(environment or {})},
            )  # fmt: skip
        self._processes.append((name, process, log))
        return process, log

    def spin(self, seconds: float) -> None:
        """Take what comes for so long."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=min(left_s, 0.05))

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
        """Take what comes until the condition is true; return its value, raise ChaosError where it never is."""
        if not (value := self.spin_until(condition, seconds)):
            raise ChaosError(f"waited {seconds:g} s in vain for {what}")
        return value

    def spin_until(self, condition: Callable[[], Any], seconds: float) -> Any:
        """Take what comes until the condition is true, for so long at most; return its value."""
        end_s = time.monotonic() + seconds
        while not (value := condition()) and time.monotonic() < end_s:
            self._executor.spin_once(timeout_sec=0.05)
        return value

    def complaints(self) -> list[Complaint]:
        """Return what the processes printed since the last call and must not, and which victims ended unasked."""
        found = [each for name, _, log in self._processes for each in self._complaints_in(name, log)]
        found += [Complaint(victim.end_unasked, False) for victim in self._victims if victim.end_unasked]
        self._victims = [victim for victim in self._victims if victim.is_alive]
        return found

    def _complaints_in(self, name: str, log: Path) -> Iterator[Complaint]:
        text = log.read_text(errors="replace")
        new, self._read[log] = text[self._read.get(log, 0) :], len(text)
        if "Traceback" in new:
            yield Complaint(f"{name} printed a traceback: {shorten(new[new.index('Traceback') :][-300:])}", True)
