# SPDX-License-Identifier: Apache-2.0
"""Run a slow function in a thread, awaited by a coroutine of the node's single-threaded executor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from rclpy.task import Future

if TYPE_CHECKING:
    from rclpy.node import Node


class Background(NamedTuple):
    """Running function: await `future`, or join `thread`."""

    future: Future
    thread: threading.Thread


def in_thread(node: Node, function: Callable[[], Any], name: str) -> Background:
    """Run a function in a thread of this name; the future gets its result, or what it raised.

    Completing a future does not wake an executor that waits, so that is done too.
    """
    executor = node.executor
    future = Future(executor=executor)

    def run() -> None:
        try:
            future.set_result(function())
        except Exception as error:  # raised again where the future is awaited
            future.set_exception(error)
        if node.context.ok():
            executor.wake()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return Background(future, thread)
