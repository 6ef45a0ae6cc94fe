# SPDX-License-Identifier: Apache-2.0
"""ROS for as long as a `with` block lasts; rclpy.init is a context manager from Kilted on only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import rclpy


@contextmanager
def ros_context(args: list[str] | None = None) -> Iterator[None]:
    """Initialise ROS with the arguments (None: the process's own), and shut it down at the end."""
    rclpy.init(args=args)
    try:
        yield
    finally:
        rclpy.try_shutdown()
