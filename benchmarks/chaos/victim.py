# SPDX-License-Identifier: Apache-2.0
"""A node under fault: its process, what it publishes and answers, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.chaos.fault import ChaosError, shorten

if TYPE_CHECKING:
    from benchmarks.chaos.stage import Stage

MANY = 1000
SECOND_NS = 10**9


class Mask(NamedTuple):
    """A mask: its image's stamp in ns, its size, and when it came by the steady clock."""

    stamp: int
    size: tuple[int, int]
    came_s: float


class Status(NamedTuple):
    """A status of /diagnostics."""

    level: int
    message: str
    values: dict[str, str]


class ProcessEnd(NamedTuple):
    """How a process ended."""

    code: int
    seconds: float
    is_traced: bool

    @property
    def is_good(self) -> bool:
        """Whether a manager sees a process that did as it was asked to, however busy the machine is."""
        return self.code == 0 and not self.is_traced

    def __str__(self) -> str:
        return f"code {self.code} after {self.seconds:.1f} s{', with a traceback' if self.is_traced else ''}"


class Victim:
    """One running node of this package."""

    def __init__(self, stage: Stage, process: subprocess.Popen[bytes], log: Path, namespace: str, node: str) -> None:
        from diagnostic_msgs.msg import DiagnosticArray
        from rclpy.qos import QoSProfile
        from sensor_msgs.msg import Image

        self.process = process
        self.name = f"{namespace}/{node}"
        self.masks: list[Mask] = []
        self.statuses: dict[str, Status] = {}
        self.said: list[str] = []  # every message of a camera's status
        self._stage = stage
        self._log = log
        self._is_asked_to_end = False
        self._clients: dict[str, Any] = {}
        take = stage.node.create_subscription
        take(Image, f"{self.name}/mask", self._on_mask, QoSProfile(depth=MANY))
        take(DiagnosticArray, "/diagnostics", self._on_diagnostics, QoSProfile(depth=MANY))

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    @property
    def output(self) -> str:
        """All that the process has printed."""
        return self._log.read_text(errors="replace")

    @property
    def end_unasked(self) -> str:
        """A sentence where the process has ended and nobody asked for it, else ""."""
        if self.is_alive or self._is_asked_to_end:
            return ""
        return f"{self.name} ended with code {self.process.returncode}: {shorten(self.output[-300:])}"

    def client(self, service_type: Any, name: str) -> Any:
        """Return the client of one of the node's services, which holds a thousand answers."""
        from rclpy.qos import QoSProfile

        if name not in self._clients:
            full = f"{self.name}/{name}"
            self._clients[name] = self._stage.node.create_client(service_type, full, qos_profile=QoSProfile(depth=MANY))
            self._wait(self._clients[name].service_is_ready, f"the service {full}")
        return self._clients[name]

    def call(self, service_type: Any, name: str, **fields: Any) -> Any:
        """Call a service and return its answer; it is asked again where none comes for 10 s."""
        client = self.client(service_type, name)
        for _ in range(6):  # an answer is lost where the server has not discovered this client yet
            future = client.call_async(service_type.Request(**fields))
            if self._is_done_in(future, 10.0):
                return future.result()
            client.remove_pending_request(future)
        raise ChaosError(f"{self.name}/{name} has not answered in a minute")

    def _is_done_in(self, future: Any, seconds: float) -> bool:
        try:
            return bool(self._wait(future.done, "an answer", seconds))
        except ChaosError:
            if not self.is_alive:
                raise
            return False

    def change(self, transition: str) -> bool:
        """Do a lifecycle transition, such as "configure"; return whether it succeeded."""
        from lifecycle_msgs.msg import Transition
        from lifecycle_msgs.srv import ChangeState

        number = getattr(Transition, f"TRANSITION_{transition.upper()}")
        future = self.client(ChangeState, "change_state").call_async(
            ChangeState.Request(transition=Transition(id=number))
        )
        self._wait(future.done, f"the end of {transition}")
        return bool(future.result().success)

    def state(self) -> str:
        """Return the lifecycle state in a word."""
        from lifecycle_msgs.srv import GetState

        return str(self.call(GetState, "get_state").current_state.label)

    def set_parameter(self, name: str, value: Any) -> Any:
        """Set a parameter; return its result with `successful` and `reason`."""
        from rcl_interfaces.srv import SetParameters
        from rclpy.parameter import Parameter

        parameters = [Parameter(name, value=value).to_parameter_msg()]
        return self.call(SetParameters, "set_parameters", parameters=parameters).results[0]

    def wait_for_state(self, state: str) -> None:
        """Wait until the node's own status in /diagnostics says that it is in this state."""
        self._wait(lambda: "node" in self.statuses and self.statuses["node"].values["state"] == state, state)

    def wait_for_log(self, words: str) -> None:
        """Wait until the node has printed these words."""
        self._wait(lambda: words in self.output, f"{words!r} in the log")

    def seconds_to_mask(self, seconds: float = 60.0) -> float:
        """Wait for a mask that was not there yet; return how long that took."""
        begin_s, count = time.monotonic(), len(self.masks)
        self._wait(lambda: len(self.masks) > count, "a mask", seconds)
        return time.monotonic() - begin_s

    def status(self, part: str) -> Status:
        """Wait for the next status of a part ("camera", "model", "node") and return it."""
        self.statuses.pop(part, None)
        self._wait(lambda: part in self.statuses, f"the status {part}")
        return self.statuses[part]

    def end(self, number: int = signal.SIGINT, patience_s: float = 60.0) -> ProcessEnd:
        """Send a signal, and wait for the end."""
        self._is_asked_to_end = True
        begin_s, before = time.monotonic(), len(self.output)
        self.process.send_signal(number)
        try:
            code = self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            name = signal.Signals(number).name
            raise ChaosError(f"{self.name} did not end in {patience_s:g} s after {name}") from None
        return ProcessEnd(code, time.monotonic() - begin_s, "Traceback" in self.output[before:])

    def wait_for_end(self, patience_s: float = 120.0) -> int:
        """Wait for a process that ends by itself; return its exit code."""
        self._is_asked_to_end = True
        self._stage.wait(lambda: not self.is_alive, "the process's end", patience_s)
        return int(self.process.returncode)

    def kill(self) -> None:
        """End the process by SIGKILL."""
        self._is_asked_to_end = True
        self.process.kill()
        self.process.wait()

    def resources(self) -> dict[str, float]:
        """Return the process's own memory in MB (own_memory.py), threads, descriptors, shared memory in MB (Linux)."""
        folder = Path(f"/proc/{self.process.pid}")
        lines = (folder / "status").read_text().splitlines()
        status = {key: value.split()[0] for key, _, value in (line.partition(":") for line in lines) if value.strip()}
        return {
            "memory_mb": round((int(status["RssAnon"]) + int(status["VmSwap"])) / 1024, 1),
            "threads": int(status["Threads"]),
            "descriptors": len(list((folder / "fd").iterdir())),
            "shared_mb": round(int(status["RssShmem"]) / 1024),
        }

    def _wait(self, condition: Any, what: str, seconds: float = 300.0) -> Any:
        def is_so() -> Any:
            if not self.is_alive:
                raise ChaosError(f"{self.end_unasked or self.name + ' has ended'}; waited for {what}")
            return condition()

        return self._stage.wait(is_so, what, seconds)

    def _on_mask(self, mask: Any) -> None:
        stamp = mask.header.stamp.sec * SECOND_NS + mask.header.stamp.nanosec
        self.masks.append(Mask(stamp, (mask.height, mask.width), time.monotonic()))

    def _on_diagnostics(self, array: Any) -> None:
        for status in array.status:
            node, _, part = status.name.partition(": ")
            if node == self.name.lstrip("/"):
                values = {pair.key: pair.value for pair in status.values}
                self.statuses[part] = Status(status.level[0], status.message, values)
                if part.startswith("camera"):
                    self.said.append(status.message)
