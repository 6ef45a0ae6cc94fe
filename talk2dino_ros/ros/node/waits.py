# SPDX-License-Identifier: Apache-2.0
"""Conditions that coroutines of one executor wait for, each with a deadline on the steady clock.

A timer of the node calls `poll`; that runs in the executor's own thread, so nothing has to wake it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rclpy.task import Future

if TYPE_CHECKING:
    from rclpy.node import Node


class Waits:
    """Pending conditions with their deadlines."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waits: list[tuple[Callable[[], bool], float, Future]] = []

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until the condition is true, or for so long; return whether it is true."""
        if condition():
            return True
        future = Future(executor=self._node.executor)
        self._waits.append((condition, time.monotonic() + timeout_s, future))
        return bool(await future)

    def poll(self) -> None:
        """Resume the coroutines whose condition is true or whose deadline has passed."""
        waits, self._waits = self._waits, []
        for condition, deadline_s, future in waits:
            try:
                is_true = condition()
            except Exception as error:  # raised again by who waits, and nobody else is kept waiting
                future.set_exception(error)
                continue
            if is_true or time.monotonic() > deadline_s:
                future.set_result(is_true)
            else:
                self._waits.append((condition, deadline_s, future))
