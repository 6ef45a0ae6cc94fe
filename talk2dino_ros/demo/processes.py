# SPDX-License-Identifier: Apache-2.0
"""Start nodes as processes, as on a robot, and stop them at the end of a demo."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from talk2dino_ros.engine.errors import Talk2DinoError

END_TIMEOUT_S = 10.0


class DemoError(Talk2DinoError):
    """A node of the demo ended, or did not answer in time."""


@contextmanager
def node_process(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module's node with these ROS arguments; ask it to end afterwards, as Ctrl-C does."""
    process = subprocess.Popen([sys.executable, "-m", module, "--ros-args", *arguments])
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()


def check_alive(name: str, process: subprocess.Popen[bytes]) -> None:
    """Raise DemoError where a process has ended."""
    if process.poll() is not None:
        raise DemoError(f"the {name} ended with exit code {process.returncode}; its last line says why")
