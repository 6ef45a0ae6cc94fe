# SPDX-License-Identifier: Apache-2.0
"""The memory is asked again where an answer is lost; what is not there, silent or refused is said in one sentence."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")

from rclpy.task import Future
from talk2dino_msgs.srv import Find

from talk2dino_ros.goal.memory_client import DISCOVERY_S, AbsentMemoryError, MemoryClient, NoMemoryError


class FindService:
    """A client's end of `find`, which answers one of the calls, counted from 1; 0: none."""

    srv_name = "/memory/find"

    def __init__(self, answered: int = 1, *, is_ready: bool = True, **answer) -> None:
        self.service_is_ready = lambda: is_ready
        self._answered = answered
        self._answer = Find.Response(**{"success": True, "message": "found", **answer})
        self.asked: list[Find.Request] = []

    def call_async(self, request) -> Future:
        self.asked.append(request)
        future = Future()
        if len(self.asked) == self._answered:
            future.set_result(self._answer)
        return future

    def remove_pending_request(self, future: Future) -> None: ...


@pytest.fixture
def clock(monkeypatch):
    """A clock in which no time passes but that of waiting."""
    clock = SimpleNamespace(now_s=0.0)
    monkeypatch.setattr("talk2dino_ros.ros.node.first_answer.time", SimpleNamespace(monotonic=lambda: clock.now_s))
    return clock


def find(service: FindService, clock, *, is_over=lambda: False):
    """Ask for a cup within 20 s."""

    async def until(condition, timeout_s):
        if not condition():
            clock.now_s += timeout_s
        return condition()

    node = SimpleNamespace(create_client=lambda *_, **__: service)
    coroutine = MemoryClient(node, "memory", SimpleNamespace(until=until)).find("cup: mug", 20.0, is_over)
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


@pytest.mark.parametrize("answered", [1, 3])
def test_the_memory_is_asked_until_an_answer_comes(clock, answered):
    service = FindService(answered)
    assert find(service, clock).message == "found"
    assert [request.class_name for request in service.asked] == ["cup: mug"] * answered


def test_a_memory_that_is_not_there_is_told_of_soon(clock):
    with pytest.raises(AbsentMemoryError, match=r"/memory/find is not there; start the node memory .*memory:=true"):
        find(FindService(is_ready=False), clock)
    assert clock.now_s == DISCOVERY_S


def test_a_silent_memory_is_an_error_after_the_whole_timeout(clock):
    with pytest.raises(NoMemoryError, match=r"has not answered in 20 s; .* or raise memory_timeout_s"):
        find(FindService(0), clock)
    assert clock.now_s == pytest.approx(20.0)


def test_a_refusal_of_the_memory_is_passed_on(clock):
    with pytest.raises(NoMemoryError, match="the memory refuses: the node memory is not active"):
        find(FindService(success=False, message="the node memory is not active"), clock)


def test_a_go_to_that_has_ended_asks_nothing(clock):
    service = FindService()
    with pytest.raises(NoMemoryError):
        find(service, clock, is_over=lambda: True)
    assert service.asked == []
