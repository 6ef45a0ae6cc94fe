# SPDX-License-Identifier: Apache-2.0
"""ROS for as long as a `with` block lasts; rclpy.init is a context manager from Kilted on only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import rclpy
from rclpy.executors import ExternalShutdownException

from talk2dino_ros.engine.errors import Talk2DinoError


@contextmanager
def ros_context(args: list[str] | None = None) -> Iterator[None]:
    """Initialise ROS with the arguments (None: the process's own), and shut it down at the end."""
    rclpy.init(args=args)
    try:
        yield
    finally:
        rclpy.try_shutdown()


@contextmanager
def ros_program(name: str, args: list[str] | None = None) -> Iterator[None]:
    """Do as `ros_context` for a program's main: Ctrl-C ends it, an error of the package is one sentence and exit 1."""
    try:
        with ros_context(args):
            yield
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Talk2DinoError as error:
        sys.exit(f"{name}: {error}")
