# SPDX-License-Identifier: Apache-2.0
"""Start a node many times: one process imports it, which takes seconds, and each start is a fork of that process.

As a program: python node_starter.py talk2dino_ros.goal.goal_main. It reads requests, one JSON object a line, and
answers each with a number: {arguments, environment, log} with the process's id, {wait} (an id) with the exit code.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

REPOSITORY = Path(__file__).parents[2]
# what each start would import too: torch, which the other nodes have to do without
NEEDED = {"talk2dino_ros.segmenter.segmenter_main": ["talk2dino_ros.engine.factory"]}


class NodeStarter:
    """The process that has imported one executable's node, but not what a node may do without."""

    def __init__(self, module: str) -> None:
        command = [sys.executable, __file__, module]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, cwd=REPOSITORY, **pipes)
        atexit.register(self._end)

    def start(self, arguments: list[str], log: Path) -> ForkedProcess:
        """Start the executable with these arguments and this process's environment; its output goes to the log."""
        log.touch()  # the child opens it some time after its id is known
        return ForkedProcess(self, self.ask(arguments=arguments, environment=dict(os.environ), log=str(log)))

    def ask(self, **request: Any) -> int:
        """Send a request and return the answer."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def _end(self) -> None:
        self._process.communicate()


@cache
def starter_of(module: str) -> NodeStarter:
    """The starter of an executable's module, the same for the whole session."""
    return NodeStarter(module)


class ForkedProcess:
    """What a NodeStarter has started, with the methods of subprocess.Popen."""

    def __init__(self, starter: NodeStarter, pid: int) -> None:
        self.pid = pid
        self._starter = starter
        self._returncode: int | None = None
        self._end = os.pidfd_open(pid)  # readable once the process has ended

    def poll(self) -> int | None:
        return self._code_within(0.0)

    def wait(self, timeout: float) -> int:
        code = self._code_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("a node", timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _code_within(self, timeout: float) -> int | None:
        if self._returncode is None and select.select([self._end], [], [], timeout)[0]:
            self._returncode = self._starter.ask(wait=self.pid)
            os.close(self._end)
        return self._returncode


def serve(module: str) -> None:
    """Answer the requests until there are no more."""
    sys.path.insert(0, str(REPOSITORY))
    for needed in [module.removesuffix("_main") + "_node", *NEEDED.get(module, [])]:
        import_module(needed)
    executable = import_module(module)
    gc.freeze()  # so that no collection of a child copies what it shares with this process
    for line in sys.stdin:
        print(answer_of(executable, json.loads(line)), flush=True)


def answer_of(executable: Any, request: dict[str, Any]) -> int:
    if "wait" in request:
        return os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
    return os.fork() or run(executable, **request)


def run(executable: Any, arguments: list[str], environment: dict[str, str], log: str) -> NoReturn:
    """Be the executable, in a process that has just been forked."""
    for number, (path, flags) in enumerate([(os.devnull, os.O_RDONLY), (log, os.O_WRONLY | os.O_CREAT)]):
        os.dup2(os.open(path, flags), number)
    os.dup2(1, 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [executable.__file__, *arguments]
    executable.main()


if __name__ == "__main__":
    serve(sys.argv[1])
