# SPDX-License-Identifier: Apache-2.0
"""The executable as a process, with its output."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from node_starter import REPOSITORY, ForkedProcess, starter_of

SEGMENTER = "talk2dino_ros.segmenter.segmenter_main"
DEADLINE_S = 240.0
IS_FAST_DDS = "fastrtps" in os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")


class NodeProcess:
    """One running `segmenter`, or another module, in a namespace, with parameters such as `model:=mini`.

    It is forked from a process that has imported the node already, or runs in an interpreter of its own, as a user's.
    """

    def __init__(
        self,
        parameters: Sequence[str],
        namespace: str,
        log: Path,
        module: str = SEGMENTER,
        *,
        has_own_interpreter: bool = False,
    ) -> None:
        self._log = log
        words = [word for parameter in parameters for word in ("-p", parameter)]
        start = _start_interpreter if has_own_interpreter else _fork
        self._process = start(module, ["--ros-args", "-r", f"__ns:={namespace}", *words], log)

    @property
    def output(self) -> str:
        """Everything the process has printed so far."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self) -> int:
        """Wait for the process to end by itself; return its exit code."""
        return self._process.wait(DEADLINE_S)

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self.send_signal(signal.SIGINT)
        return self.wait()

    def stop(self) -> None:
        """End the process where it runs, which has to leave no traceback and the exit code 0."""
        if self.has_ended:
            return
        try:
            code = self.interrupt()
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        assert code == 0, self.output
        assert "Traceback" not in self.output, self.output


def policies(pid: int) -> set[int]:
    """How the threads of a process are scheduled, see proc(5): the 41st value, the 39th behind the thread's name."""
    found = set()
    for path in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended since
            found.add(int(path.read_text().rpartition(")")[2].split()[38]))
    return found


def _fork(module: str, arguments: list[str], log: Path) -> ForkedProcess:
    return starter_of(module).start(arguments, log)


def _start_interpreter(module: str, arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", module, *arguments]
    with log.open("w") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=REPOSITORY)
