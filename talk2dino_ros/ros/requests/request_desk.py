# SPDX-License-Identifier: Apache-2.0
"""Where a node takes the requests of its services, and answers them: in bounded time under a flood of them.

DDS keeps a thousand requests of a service, the newest, whoever sent them. So all are taken off it as they come, and
answered one at a time, between which images and timers have their turn.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.executors import await_or_execute

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.safe_text import safe_text
from talk2dino_ros.ros.requests.asker import PROCESS_BYTES, Askers
from talk2dino_ros.ros.requests.fair_queue import MOST_WAITING, FairQueue
from talk2dino_ros.ros.requests.late_answers import LateAnswers

if TYPE_CHECKING:
    from rclpy.node import Node

LONGEST_NAME = 256
TAKING_S = 0.01  # in a row, before others have their turn
_Answer = Callable[[], Any]


class UnansweredError(Talk2DinoError):
    """Requests that are left unanswered."""


class RequestDesk:
    """Taker of a node's requests. on_dropped: hears of each that is left unanswered, as too many wait already."""

    def __init__(self, node: Node, clock: Any, on_dropped: Callable[[str, Talk2DinoError], None]) -> None:
        self.answers = LateAnswers(node, clock)
        self._askers = Askers()
        self._on_dropped = on_dropped
        self._queues: dict[str, FairQueue[_Answer]] = defaultdict(FairQueue)
        self._goes_on: set[str] = set()  # services whose next answer is a task already

    def take(self, service: Any, create_task: Callable[..., Any]) -> _Answer | None:
        """Take what has come for a service; return the coroutine of one answer, None where there is none to give.

        create_task: the executor's, which gets the next ones, one in each of its rounds.
        """
        queue, end_s = self._queues[service.service_name], time.monotonic() + TAKING_S
        while time.monotonic() < end_s:
            request, header = service.handle.service_take_request(service.srv_type.Request)
            if header is None:
                break
            asker = self._askers.asker_of(header) or b""
            if not queue.put(asker[:PROCESS_BYTES], partial(self._answer, service, request, header, asker)):
                self._drop(service.service_name)
        return partial(self._answer_next, service.service_name, create_task) if queue else None

    async def _answer_next(self, name: str, create_task: Callable[..., Any], *, is_task: bool = False) -> None:
        if is_task:
            self._goes_on.discard(name)
        queue = self._queues[name]
        if not queue:
            return
        answer = queue.pop()
        if queue and name not in self._goes_on:
            self._goes_on.add(name)
            create_task(partial(self._answer_next, name, create_task, is_task=True))
        await answer()

    async def _answer(self, service: Any, request: Any, header: Any, asker: bytes) -> None:
        _make_safe(request)
        try:
            response = await await_or_execute(service.callback, request, service.srv_type.Response())
        except RuntimeError:  # as rclpy's RCLError is, which is no public name
            if not hasattr(request, "transition"):
                raise
            # Jazzy's rclpy raises it where the state has no such transition, and a manager would wait in vain
            response = service.srv_type.Response(success=False)
        self.answers.send(service, response, header, asker)

    def _drop(self, name: str) -> None:
        sentence = (
            f"a process has {MOST_WAITING} requests of {name} waiting, expected fewer; what it asks beyond them is "
            "left unanswered, so let it wait for its answers, or keep strangers out with SROS 2"
        )
        self._on_dropped("a request was dropped", UnansweredError(sentence))


def _make_safe(request: Any) -> None:
    """Write out what could act on a terminal in names that rcl itself logs: change_state, get_type_description."""
    if hasattr(request, "transition"):
        request.transition.label = safe_text(request.transition.label, LONGEST_NAME)
    if hasattr(request, "type_hash"):
        request.type_name = safe_text(request.type_name, LONGEST_NAME)
        request.type_hash = safe_text(request.type_hash, LONGEST_NAME)
