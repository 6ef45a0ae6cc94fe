# SPDX-License-Identifier: Apache-2.0
"""ROS for as long as a `with` block lasts; rclpy.init is a context manager from Kilted on only."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import rclpy

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.node.run_node import StartError
from talk2dino_ros.ros.parameters.parameter_files import check_arguments
from talk2dino_ros.ros.parameters.parameter_set import Values, fields_of
from talk2dino_ros.ros.security.secured import secured_start


@contextmanager
def ros_context(args: list[str] | None = None) -> Iterator[None]:
    """Initialise ROS with the arguments (None: the process's own), and shut it down at the end."""
    arguments, problem = arguments_for_log(args)
    if problem:
        print(problem, file=sys.stderr)
    with secured_start(args):
        init_ros(lambda: rclpy.init(args=arguments))
        try:
            yield
        finally:
            rclpy.try_shutdown()


@contextmanager
def ros_program(name: str, args: list[str] | None = None, table: type[Values] = Values) -> Iterator[None]:
    """Do as `ros_context` for a program's main: Ctrl-C ends it, an error of the package is one sentence and exit 1.

    table: of the parameters, which the arguments are checked against. Ctrl-C ends the context, and so what spins; it
    raises nothing by itself.
    """
    try:
        check_arguments(sys.argv if args is None else args, name, fields_of(table))
        with _no_interrupt(), ros_context(args), _until_shutdown():
            yield
    except Talk2DinoError as error:
        sys.exit(f"{name}: {error}")


def init_ros(init: Callable[[], None]) -> None:
    """Initialise ROS by this call. Raises StartError, one sentence with what ROS refuses."""
    try:
        init()
    except Exception as error:  # rclpy has several kinds of them, and its RCLError is no public name
        reason = str(error).split("\n", maxsplit=1)[0].split(", at /", maxsplit=1)[0]
        raise StartError(
            f"ROS refuses the arguments or the environment ({reason}), expected what it reads; correct what it names"
        ) from error


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Leave SIGINT to rclpy alone: Python's KeyboardInterrupt may come while a message is taken, as another error."""
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _until_shutdown() -> Iterator[None]:
    """Take what fails because the context has ended below it as the end, and no fault."""
    try:
        yield
    except Exception:
        if rclpy.ok():
            raise


def arguments_for_log(args: Sequence[str] | None) -> tuple[list[str], str]:
    """Return the arguments (None: the process's own) with which ROS starts also where it can write no log file.

    Beside them a sentence that says so, "" where it can: rclpy.init itself would refuse to start.
    """
    given = list(sys.argv if args is None else args)
    folder = log_folder(os.environ)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return given, ""
    except OSError as error:
        problem = (
            f"no log file can be written in {folder} ({error}), so the log goes to the terminal and /rosout alone; "
            "make the folder writable, or set ROS_LOG_DIR to one that is"
        )
        return [*given, "--ros-args", "--disable-external-lib-logs"], problem


def log_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of ROS's log files, as rcl finds it."""
    if own := environment.get("ROS_LOG_DIR"):
        return _at_home(own, environment)
    return _at_home(environment.get("ROS_HOME") or "~/.ros", environment) / "log"


def _at_home(path: str, environment: Mapping[str, str]) -> Path:
    is_of_home = path == "~" or path.startswith("~/")
    return Path(environment.get("HOME", "") + path[1:] if is_of_home else path)
