# SPDX-License-Identifier: Apache-2.0
"""Nothing that a callback raises ends the node: the fault is told, and the next callback follows."""

import time
from types import SimpleNamespace

import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from std_msgs.msg import String  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402
from talk2dino_msgs.srv import GetVocabulary  # noqa: E402

from talk2dino_ros.ros.node.enduring_executor import EnduringExecutor  # noqa: E402
from talk2dino_ros.ros.node.managed_node import ManagedNode  # noqa: E402

DEADLINE_S = 60.0


class BrokenNode(ManagedNode):
    """Each of its callbacks raises the first time, and a service always."""

    autostart = False

    def __init__(self, context):
        super().__init__("broken", context=context, use_global_arguments=False)
        self.heard, self.ticks = [], 0
        self.create_subscription(String, "words", self._on_words, 10)
        self.create_service(Trigger, "~/sync", self._on_call)
        self.create_service(Trigger, "~/coroutine", self._on_call_as_coroutine)
        self.create_service(GetVocabulary, "~/wordless", self._on_call)
        self.create_timer(0.02, self._on_timer, clock=self.steady_clock)
        self.start_diagnostics(0.05)

    def _configure(self): ...
    def _activate(self): ...
    def _deactivate(self): ...
    def _tear_down(self): ...
    def _change_parameters(self, _values): ...

    def _on_words(self, message):
        self.heard.append(message.data)
        if len(self.heard) == 1:
            raise ValueError("the first word")

    def _on_timer(self):
        self.ticks += 1
        if self.ticks == 1:
            raise KeyError("the first tick")

    def _on_call(self, _request, _response):
        raise ZeroDivisionError("every call")

    async def _on_call_as_coroutine(self, _request, _response):
        raise ZeroDivisionError("every call")


@pytest.fixture
def bench():
    """The node in its executor, and a client with one of its own, spun in turn by `until`."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = BrokenNode(context)
    executor = EnduringExecutor(node.note_fault, node.requests, context=context)
    executor.add_node(node)
    client = Node("client", context=context, use_global_arguments=False)
    clients = SingleThreadedExecutor(context=context)
    clients.add_node(client)

    def until(condition):
        end_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end_s, "waited in vain"
            executor.spin_once(timeout_sec=0.01)
            clients.spin_once(timeout_sec=0.01)

    yield SimpleNamespace(node=node, client=client, until=until)
    for each in (node, client):
        each.destroy_node()
    rclpy.shutdown(context=context)


def test_a_subscription_and_a_timer_go_on_after_what_they_raised(bench):
    publisher = bench.client.create_publisher(String, "words", 10)
    bench.until(publisher.get_subscription_count)
    for word in ("one", "two"):
        publisher.publish(String(data=word))
    bench.until(lambda: bench.node.heard == ["one", "two"] and bench.node.ticks > 3)
    assert bench.node.faults.count == 2


def test_a_message_that_cannot_be_taken_is_lost_and_neither_its_topic_nor_its_group_hangs(bench, monkeypatch):
    take = EnduringExecutor._take_subscription
    taken = []

    def refuse_once(executor, subscription):
        taken.append(take(executor, subscription))
        if len(taken) == 1:
            raise UnicodeDecodeError("utf-16", b"", 0, 1, "illegal encoding")  # as rclpy, of a wstring that is none
        return taken[-1]

    bench.until(lambda: bench.node.ticks > 1)
    monkeypatch.setattr(EnduringExecutor, "_take_subscription", refuse_once)
    publisher = bench.client.create_publisher(String, "words", 10)
    bench.until(publisher.get_subscription_count)
    for word in ("unreadable", "one"):
        publisher.publish(String(data=word))
    ticks = bench.node.ticks
    bench.until(lambda: bench.node.heard == ["one"] and bench.node.ticks > ticks + 2)
    assert len(taken) == 2
    assert bench.node.faults.count == 3


@pytest.mark.parametrize("name", ["sync", "coroutine"])
def test_a_client_is_answered_where_the_service_raises(bench, name):
    client = bench.client.create_client(Trigger, f"broken/{name}")
    bench.until(client.service_is_ready)
    for _ in range(2):
        answer = client.call_async(Trigger.Request())
        bench.until(answer.done)
        assert not answer.result().success
        assert "ZeroDivisionError('every call')" in answer.result().message


def test_an_answer_without_a_place_for_words_comes_too(bench):
    client = bench.client.create_client(GetVocabulary, "broken/wordless")
    bench.until(client.service_is_ready)
    answer = client.call_async(GetVocabulary.Request())
    bench.until(answer.done)
    assert answer.result() == GetVocabulary.Response()


def test_diagnostics_are_an_error_with_the_fault_for_a_while(bench, monkeypatch):
    arrays = []
    bench.client.create_subscription(DiagnosticArray, "/diagnostics", arrays.append, 10)
    levels = lambda: {status.level for array in arrays for status in array.status}  # noqa: E731
    bench.until(lambda: DiagnosticStatus.ERROR in levels())
    status = next(each for array in arrays for each in array.status if each.level == DiagnosticStatus.ERROR)
    assert (status.name, status.message) == ("broken: node", "the work of a timer was lost: KeyError('the first tick')")
    monkeypatch.setattr("talk2dino_ros.ros.node.faults.SHOWN_S", 0.0)
    arrays.clear()
    bench.until(lambda: DiagnosticStatus.OK in levels())
