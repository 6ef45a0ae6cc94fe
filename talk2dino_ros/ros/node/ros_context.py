# SPDX-License-Identifier: Apache-2.0
"""ROS for as long as a `with` block lasts; rclpy.init is a context manager from Kilted on only."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import rclpy

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.security.secured import secured_start


@contextmanager
def ros_context(args: list[str] | None = None) -> Iterator[None]:
    """Initialise ROS with the arguments (None: the process's own), and shut it down at the end."""
    with secured_start(args):
        rclpy.init(args=args)
        try:
            yield
        finally:
            rclpy.try_shutdown()


@contextmanager
def ros_program(name: str, args: list[str] | None = None) -> Iterator[None]:
    """Do as `ros_context` for a program's main: Ctrl-C ends it, an error of the package is one sentence and exit 1.

    Ctrl-C ends the context, and so what spins; it raises nothing by itself.
    """
    try:
        with _no_interrupt(), ros_context(args), _until_shutdown():
            yield
    except Talk2DinoError as error:
        sys.exit(f"{name}: {error}")


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
