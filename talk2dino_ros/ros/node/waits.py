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
        self._error: Callable[[], Exception] | None = None

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until the condition is true, or for so long; return whether it is true. Raises the error of `end`."""
        self._check_goes_on()
        if condition():
            return True
        future = Future(executor=self._node.executor)
        self._waits.append((condition, time.monotonic() + timeout_s, future))
        is_true = bool(await future)
        self._check_goes_on()
        return is_true

    def end(self, error: Callable[[], Exception]) -> None:
        """Raise an error for all who wait, and for all who would: nobody polls any more."""
        self._error = error
        waits, self._waits = self._waits, []
        for _condition, _deadline_s, future in waits:
            future.set_result(False)  # and no exception, which is printed where the executor has ended before

    def _check_goes_on(self) -> None:
        if self._error is not None:
            raise self._error()

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
