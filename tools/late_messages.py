# SPDX-License-Identifier: Apache-2.0
"""A pytest plugin in whose nodes messages come late, each topic, service and action by a time of its own.

DDS keeps the order within a topic alone. On a quiet machine topics seem to keep one among themselves, and a test that
counts on it fails one day on a busy one. `make test-late`, with the variable LATE_SEED for other times.
"""

from __future__ import annotations

import inspect
import os
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from functools import wraps
from typing import Any

import rclpy.action.client
import rclpy.node
from rclpy.clock import Clock, ClockType
from rclpy.task import Future

LATE_S = (0.0, 0.05, 0.4, 1.0)
LOOK_S = 0.01
Node = rclpy.node.Node
ActionClient = rclpy.action.client.ActionClient

_made: Counter[str] = Counter()
_create_subscription, _create_client = Node.create_subscription, Node.create_client
_send_goal_async = ActionClient.send_goal_async


class Delay:
    """Calls in a node's thread, in the order in which they were put, each `late_s` seconds later.

    is_wanted: whether they still are, as of a subscription that is destroyed none comes any more.
    """

    def __init__(self, node: Any, late_s: float, group: Any, is_wanted: Callable[[], bool] = lambda: True) -> None:
        self._node = node
        self._late_s = late_s
        self._group = group
        self._is_wanted = is_wanted
        self._waiting: deque[tuple[float, Callable[[], Any]]] = deque()
        self._timer: Any = None  # only while something waits: each timer costs the executor time in each of its rounds

    def put(self, call: Callable[[], Any]) -> None:
        self._waiting.append((time.monotonic() + self._late_s, call))
        if self._timer is None:
            clock = Clock(clock_type=ClockType.STEADY_TIME)
            self._timer = self._node.create_timer(LOOK_S, self._look, callback_group=self._group, clock=clock)

    async def _look(self) -> None:
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            call = self._waiting.popleft()[1]
            answer = call() if self._is_wanted() else None
            if inspect.isawaitable(answer):
                await answer
        if not self._waiting and self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None


def late_s_of(name: str) -> float:
    """Return by how many seconds this one is late: by chance, but the same in each run with the same LATE_SEED."""
    _made[name] += 1
    return random.Random(f"{os.environ.get('LATE_SEED', '1')} {name} {_made[name]}").choice(LATE_S)


def create_subscription(self: Any, message_type: Any, topic: str, callback: Any, qos: Any, **options: Any) -> Any:
    """Create a subscription whose messages come late."""
    late_s = late_s_of(topic)
    if not late_s:
        return _create_subscription(self, message_type, topic, callback, qos, **options)

    @wraps(callback)  # rclpy looks at its parameters
    def take(*message: Any) -> None:
        delay.put(lambda: callback(*message))

    subscription = _create_subscription(self, message_type, topic, take, qos, **options)
    delay = Delay(self, late_s, subscription.callback_group, lambda: subscription in list(self.subscriptions))
    return subscription


def create_client(self: Any, service_type: Any, name: str, **options: Any) -> Any:
    """Create a client whose answers come late."""
    client, late_s = _create_client(self, service_type, name, **options), late_s_of(name)
    if not late_s:
        return client
    call_async = client.call_async
    delay = Delay(self, late_s, client.callback_group)

    def call_late(request: Any) -> Future:
        late = Future(executor=self.executor)
        call_async(request).add_done_callback(lambda done: delay.put(lambda: _pass_on(done, late)))
        return late

    client.call_async = call_late
    return client


def send_goal_async(self: Any, goal: Any, feedback_callback: Any = None, **options: Any) -> Future:
    """Send an action's goal whose feedback comes late."""
    late_s = late_s_of("feedback")
    if feedback_callback is None or not late_s:
        return _send_goal_async(self, goal, feedback_callback, **options)
    delay = Delay(self._node, late_s, None)
    return _send_goal_async(self, goal, lambda told: delay.put(lambda: feedback_callback(told)), **options)


def _pass_on(done: Future, late: Future) -> None:
    error = done.exception()
    if late.done():
        return
    if error is not None:
        late.set_exception(error)
    else:
        late.set_result(done.result())


def pytest_configure() -> None:
    """Make all nodes of the tests' processes late."""
    Node.create_subscription, Node.create_client = create_subscription, create_client
    ActionClient.send_goal_async = send_goal_async


def pytest_report_header() -> str:
    """Say with which times."""
    return f"messages come up to {max(LATE_S)} s late, LATE_SEED={os.environ.get('LATE_SEED', '1')}"
