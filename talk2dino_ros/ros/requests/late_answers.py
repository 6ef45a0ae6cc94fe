# SPDX-License-Identifier: Apache-2.0
"""Answers whose reader is not there yet, or no more: kept for a while, and nobody waits for them.

rmw_fastrtps waits 0.1 s for such a reader in the thread that answers, and for each request anew: a thousand requests of
a client that is gone silenced a node for 100 s. On a busy machine 0.1 s is too short for a client that is new, too.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from talk2dino_ros.ros.requests.asker import KnownReaders

if TYPE_CHECKING:
    from rclpy.node import Node

PATIENCE_S = 2.0  # for a new client to be discovered; as first_answer.py asks again
LOOK_S = 0.02
MOST_KEPT = 200  # answers; the oldest goes for the next


class _Late(NamedTuple):
    service_name: str
    asker: bytes
    send: Callable[[], None]
    end_s: float


class LateAnswers:
    """Sender of a node's answers. lost: how many had no reader."""

    def __init__(self, node: Node, clock: Any) -> None:
        self.lost = 0
        self._readers = KnownReaders(node)
        self._late: deque[_Late] = deque()
        self._timer = node.create_timer(LOOK_S, self.look, clock=clock)
        self._timer.cancel()

    def send(self, service: Any, response: Any, header: Any, asker: bytes) -> None:
        """Send an answer as soon as its reader is there; at once where the reader is not known, b""."""
        if not asker or self._readers.has(service.service_name, asker):
            service.send_response(response, header)
            return
        self._keep(_Late(service.service_name, asker, lambda: service.send_response(response, header), _end_s()))

    def look(self) -> None:
        """Send what has its reader now; give up what has waited for PATIENCE_S."""
        now_s = time.monotonic()
        for _ in range(len(self._late)):
            each = self._late.popleft()
            if self._readers.has(each.service_name, each.asker):
                each.send()  # which raises where the reader leaves at this moment: the others wait for the next look
            elif now_s < each.end_s:
                self._late.append(each)
            else:
                self.lost += 1
        if not self._late:
            self._timer.cancel()

    def _keep(self, late: _Late) -> None:
        self._late.append(late)
        if len(self._late) > MOST_KEPT:
            self._late.popleft()
            self.lost += 1
        if self._timer.is_canceled():
            self._timer.reset()


def _end_s() -> float:
    return time.monotonic() + PATIENCE_S
