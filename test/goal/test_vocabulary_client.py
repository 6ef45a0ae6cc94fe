# SPDX-License-Identifier: Apache-2.0
"""The segmenter is asked again where an answer is lost."""

import math
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")

from rclpy.task import Future
from talk2dino_msgs.srv import GetVocabulary

from talk2dino_ros.goal.vocabulary_client import NoAnswerError, NotInVocabularyError, VocabularyClient
from talk2dino_ros.ros.node.first_answer import ASK_AGAIN_S


class Service:
    """A client's end of a service that answers one of the calls, counted from 1; 0: none."""

    srv_name = "talk2dino/get_vocabulary"

    def __init__(self, answered: int, active: str = "cup") -> None:
        self._answered = answered
        self._active = active
        self.asked: list[Future] = []

    def service_is_ready(self) -> bool:
        return True

    def call_async(self, _request) -> Future:
        self.asked.append(Future())
        if len(self.asked) == self._answered:
            self.asked[-1].set_result(GetVocabulary.Response(version=1, classes=[self._active], names=["cup"]))
        return self.asked[-1]

    def remove_pending_request(self, future: Future) -> None: ...


@pytest.fixture
def ensure(monkeypatch):
    """Return a function that asks a service for `cup` within 15 s, in which no time passes but that of waiting."""
    clock = SimpleNamespace(now_s=0.0)
    monkeypatch.setattr("talk2dino_ros.ros.node.first_answer.time", SimpleNamespace(monotonic=lambda: clock.now_s))

    async def until(condition, timeout_s):
        if not condition():
            clock.now_s += timeout_s
        return condition()

    def ensure(service: Service, words: str = "cup") -> str:
        node = SimpleNamespace(create_client=lambda *_, **__: service)
        client = VocabularyClient(node, "talk2dino", SimpleNamespace(until=until))
        coroutine = client.ensure(words, add=True, timeout_s=15.0, is_over=lambda: False)
        with pytest.raises(StopIteration) as end:
            coroutine.send(None)
        return end.value.value

    return ensure


@pytest.mark.parametrize("answered", [1, 2, 3])
def test_the_vocabulary_is_asked_for_again_until_an_answer_comes(ensure, answered):
    service = Service(answered)
    assert ensure(service) == "cup"
    assert len(service.asked) == answered


def test_a_late_answer_to_the_first_request_counts(ensure, monkeypatch):
    service = Service(0)

    def answer_the_first(request) -> Future:
        future = Service.call_async(service, request)
        if len(service.asked) > 1:
            service.asked[0].set_result(GetVocabulary.Response(version=1, classes=["cup"], names=["cup"]))
        return future

    monkeypatch.setattr(service, "call_async", answer_the_first)
    assert ensure(service) == "cup"


def test_a_segmenter_that_never_answers_is_an_error_after_the_whole_timeout(ensure):
    service = Service(0)
    with pytest.raises(NoAnswerError, match="has not answered in 15 s"):
        ensure(service)
    assert len(service.asked) == math.ceil(15.0 / ASK_AGAIN_S)


@pytest.mark.parametrize("words", ["cup", "cup >= 0.56"])
def test_a_class_that_is_active_keeps_its_own_threshold(ensure, words):
    assert ensure(Service(1, "cup >= 0.56: mug"), words) == "cup"


@pytest.mark.parametrize("active", ["cup", "cup >= 0.55"])
def test_another_threshold_than_the_active_class_has_is_refused(ensure, active):
    with pytest.raises(NotInVocabularyError, match=f"'cup >= 0.56' was asked for, and the vocabulary has '{active}'"):
        ensure(Service(1, active), "cup >= 0.56")
