# SPDX-License-Identifier: Apache-2.0
"""One at a time, in order; what a newer request replaces is told so at once, and so is who comes when all is full."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")

from talk2dino_ros.ros.requests import request_queue
from talk2dino_ros.ros.requests.request_queue import QueueError, RequestQueue


class Request:
    """A coroutine that takes a turn, driven by hand as an executor does."""

    def __init__(self, each: RequestQueue, *, replaces: bool = True):
        self._coroutine = each.acquire(replaces=replaces)

    @property
    def state(self) -> str:
        """Go on; return "waits", "has its turn" or the reason why it never will."""
        try:
            self._coroutine.send(None)
        except StopIteration:
            return "has its turn"
        except QueueError as error:
            return str(error)
        return "waits"


@pytest.fixture
def queue():
    return RequestQueue(SimpleNamespace(executor=None))


def test_additions_are_served_in_order(queue):
    first, second, third = (Request(queue, replaces=False) for _ in range(3))
    assert [each.state for each in (first, second, third)] == ["has its turn", "waits", "waits"]
    queue.release()
    assert [third.state, second.state] == ["waits", "has its turn"]
    queue.release()
    assert third.state == "has its turn"
    queue.release()
    assert Request(queue).state == "has its turn"


def test_a_replacement_that_waits_is_superseded_by_a_newer_one_and_additions_stay(queue):
    running, older, addition, newest = Request(queue), Request(queue), Request(queue, replaces=False), Request(queue)
    assert [each.state for each in (running, older, addition)] == ["has its turn", "waits", "waits"]
    assert newest.state == "waits"
    assert "a newer request replaced this one" in older.state
    queue.release()
    assert [newest.state, addition.state] == ["waits", "has its turn"]
    queue.release()
    assert newest.state == "has its turn"


def test_a_request_to_a_full_queue_is_refused_at_once(queue, monkeypatch):
    monkeypatch.setattr(request_queue, "MOST_WAITING", 2)
    running, *waiting = (Request(queue, replaces=False) for _ in range(3))
    assert [running.state, *(each.state for each in waiting)] == ["has its turn", "waits", "waits"]
    assert "2 requests wait already" in Request(queue, replaces=False).state
    queue.release()
    assert [each.state for each in waiting] == ["has its turn", "waits"]
