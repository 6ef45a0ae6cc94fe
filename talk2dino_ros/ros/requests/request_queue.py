# SPDX-License-Identifier: Apache-2.0
"""Queue for coroutines of one executor that run one at a time, in order; newer requests may supersede older ones."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rclpy.task import Future

from talk2dino_ros.engine.errors import Talk2DinoError

if TYPE_CHECKING:
    from rclpy.node import Node

MOST_WAITING = 100


class QueueError(Talk2DinoError):
    """The request was superseded or the queue is full."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    future: Future
    replaces: bool


class RequestQueue:
    """Queue of requests; a waiting one that replaces everything is superseded by a newer one.

    So nobody waits for what nobody wants any more: rclpy does not tell who sent a request, nor whether they live.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._is_busy = False
        self._waiting: deque[_Waiting] = deque()

    async def acquire(self, *, replaces: bool) -> None:
        """Wait for the turn, until `release`; raise QueueError where a newer request came, or too many wait."""
        if not self._is_busy:
            self._is_busy = True
            return
        if replaces:
            self._supersede_older()
        if len(self._waiting) >= MOST_WAITING:
            raise QueueError(f"{len(self._waiting)} requests wait already, expected fewer; wait for their answers")
        waiting = _Waiting(Future(executor=self._node.executor), replaces)
        self._waiting.append(waiting)
        await waiting.future

    def release(self) -> None:
        """End the turn; the next in order has it."""
        if self._waiting:
            self._waiting.popleft().future.set_result(None)
        else:
            self._is_busy = False

    def _supersede_older(self) -> None:
        for older in [each for each in self._waiting if each.replaces]:
            self._waiting.remove(older)
            older.future.set_exception(
                QueueError("a newer request replaced this one while it waited for its turn; ask again if you want it")
            )
