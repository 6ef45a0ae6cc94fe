# SPDX-License-Identifier: Apache-2.0
"""Run the set-up's commands, showing how long they take, and turn a failure into a sentence."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .errors import SetupError

QUIET_SECONDS = 20.0  # without a terminal, one line this often says that the step is alive
REFRESH_SECONDS = 0.5
LINES_SHOWN = 10
LINE_WIDTH = 100

# What commands print when they fail, and what to do about it.
REMEDIES = (
    (
        r"Temporary failure in name resolution|Network is unreachable|Connection refused|NewConnectionError"
        r"|Read timed out|ProxyError|CERTIFICATE_VERIFY_FAILED|Max retries exceeded",
        "The package index was not reached: check the network, and pip's proxy and certificate settings, then run "
        "this again; what was finished is kept.",
    ),
    (r"No space left on device|Errno 28", "The disk is full: make room (about 10 GB in all), then run this again."),
    (
        r"No matching distribution found|Could not find a version that satisfies|ResolutionImpossible",
        "The package index has no such version for this Python: try `make PYTHON=python3.12 …`, or renew the pins "
        "as the first lines of tools/requirements/lock.txt say.",
    ),
    (
        r"Python\.h: No such file|Could NOT find Python3",
        "Python's headers are missing: `sudo apt install python3-dev`.",
    ),
    (r"No CMAKE_CXX_COMPILER|c\+\+: not found", "There is no C++ compiler: `sudo apt install g++`."),
    (
        r"Killed|virtual memory exhausted|std::bad_alloc",
        "The memory ran out: close other programs, then run this again.",
    ),
)


Step = tuple[str, Callable[["Progress"], None]]  # a title, and what to do


class Progress:
    """Counts the steps and prints one line for each."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.title = ""
        self.began = 0.0

    def begin(self, title: str) -> None:
        """Announce the next step."""
        self.done += 1
        self.title = f"[{self.done}/{self.total}] {title}"
        self.began = time.monotonic()
        say(f"{self.title} …")

    def alive(self, detail: str) -> None:
        """Say that the step goes on: on a terminal in the same line, elsewhere in a new one."""
        line = f"      {time.monotonic() - self.began:4.0f} s  {detail}"[:LINE_WIDTH]
        if sys.stdout.isatty():
            print(f"\r{line:<{LINE_WIDTH}}", end="", flush=True)
        else:
            say(line)

    def end(self) -> None:
        """Say how long the step took."""
        line = f"      done in {time.monotonic() - self.began:.0f} s"
        say(f"\r{line:<{LINE_WIDTH}}" if sys.stdout.isatty() else line)


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def run(
    command: Sequence[str | Path], progress: Progress, *, log: Path, cwd: Path, environment: Mapping[str, str]
) -> None:
    """Run a command, its output in `log`; raise SetupError with its last lines and a remedy where it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env=dict(environment),
        )
        try:
            watch(process, progress, log)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        raise SetupError(failure_text(progress.title, process.returncode, log))


def watch(process: subprocess.Popen[bytes], progress: Progress, log: Path) -> None:
    """Wait for the process, and show now and then that it lives."""
    interval = REFRESH_SECONDS if sys.stdout.isatty() else QUIET_SECONDS
    while True:
        try:
            process.wait(timeout=interval)
            return
        except subprocess.TimeoutExpired:
            progress.alive(last_lines(log, 1))


def failure_text(title: str, code: int, log: Path) -> str:
    """Return what failed, its last lines, and what to do."""
    text = log.read_text(errors="replace")
    remedy = remedy_for(text) or "`make clean` and run this again; report it with the log if it fails once more."
    return f"{title} failed (exit status {code}):\n{last_lines(log, LINES_SHOWN)}\nThe whole log: {log}\n{remedy}"


def remedy_for(output: str) -> str:
    """Return what to do about a command that printed this; empty where it is not known."""
    return next((remedy for pattern, remedy in REMEDIES if re.search(pattern, output)), "")


def last_lines(log: Path, count: int) -> str:
    """Return the last lines that say something."""
    lines = [line.strip() for line in log.read_text(errors="replace").replace("\r", "\n").splitlines()]
    return "\n".join([line for line in lines if line][-count:])
