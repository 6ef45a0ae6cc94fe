# SPDX-License-Identifier: Apache-2.0
"""The work of a client: coroutines in the executor's thread, each with a future that any thread may look at.

What is waited for is looked at by a timer, which runs while there is work and rests while there is none.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType

from talk2dino_ros.client.client_errors import ClientError
from talk2dino_ros.ros.node.waits import Waits

if TYPE_CHECKING:
    from rclpy.node import Node

POLL_S = 0.02  # the longest that a result which is there is not seen


class ClientWork:
    """Coroutines on the node's executor. `start` may be called by any thread; the node is spun by one."""

    def __init__(self, node: Node) -> None:
        self.waits = Waits(node)
        self._node = node
        self._open: dict[Future[Any], Coroutine[Any, Any, None]] = {}
        self._left: list[Coroutine[Any, Any, None]] = []  # of `close`, for `drop`
        self._lock = threading.Lock()  # around _open and _is_closed
        self._is_closed = False
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # a simulation that pauses keeps nobody waiting
        # its own group: what waits must not keep it from being called
        self._timer = node.create_timer(POLL_S, self._poll, callback_group=ReentrantCallbackGroup(), clock=steady)
        self._timer.cancel()

    def start(self, work: Callable[[], Awaitable[Any]]) -> Future[Any]:
        """Run a coroutine in the executor's thread; the future has what it returns or raises.

        Raises ClientError where nobody spins the node, or after `close`.
        """
        executor = self._node.executor
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # whose waiter goes away is finished all the same
        with self._lock:
            self.check_open()
            if executor is None:
                raise ClientError(
                    f"the node {self._node.get_name()!r} has no executor, expected one that spins it in another "
                    "thread; add it to one, or use connected_client"
                )
            coroutine = self._open[future] = self._carry_out(work, future)
        executor.create_task(coroutine)
        return future

    def check_open(self) -> None:
        """Raise ClientError after `close`."""
        if self._is_closed:
            raise _closed()

    def close(self) -> None:
        """End all that is under way with ClientError, and take nothing more; in the executor's thread, or after it."""
        with self._lock:
            self._is_closed = True
            ended, self._open = self._open, {}
        for future in ended:
            future.set_exception(_closed())
        self._left = list(ended.values())
        self.waits.end(_closed)  # an executor that goes on, as another node's, would keep what waits for ever
        self._node.destroy_timer(self._timer)

    def drop(self) -> None:
        """End what was not begun before `close`; after the executor's end, else it is begun, finds that, and ends."""
        for coroutine in self._left:
            coroutine.close()
        self._left.clear()

    async def _carry_out(self, work: Callable[[], Awaitable[Any]], future: Future[Any]) -> None:
        if self._is_closed:
            return
        self._timer.reset()
        try:
            result, error = await work(), None
        except Exception as raised:  # raised again by who asks the future, and nothing here may end the executor
            result, error = None, raised
        with self._lock:
            if future not in self._open:  # closed meanwhile
                return
            del self._open[future]
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def _poll(self) -> None:
        self.waits.poll()
        with self._lock:
            if not self._open:
                self._timer.cancel()


def _closed() -> ClientError:
    return ClientError("this client of the nodes has been closed, expected an open one; make another")
