# SPDX-License-Identifier: Apache-2.0
"""The executable as a child process, with its output."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SEGMENTER = "talk2dino_ros.segmenter.segmenter_main"
DEADLINE_S = 120.0
IS_FAST_DDS = "fastrtps" in os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")


class NodeProcess:
    """One running `segmenter`, or another module, in a namespace, with parameters such as `model:=mini`."""

    def __init__(self, parameters: Sequence[str], namespace: str, log: Path, module: str = SEGMENTER) -> None:
        self._log = log
        words = [word for parameter in parameters for word in ("-p", parameter)]
        command = [sys.executable, "-m", module, "--ros-args", "-r", f"__ns:={namespace}"]
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [*command, *words], stdout=output, stderr=subprocess.STDOUT, cwd=REPOSITORY
            )

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

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self._process.send_signal(signal.SIGINT)
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
