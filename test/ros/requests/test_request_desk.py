# SPDX-License-Identifier: Apache-2.0
"""Floods of requests over DDS, of clients that stay and of clients that are gone: a good one is answered soon."""

import time
from types import SimpleNamespace

import pytest

rclpy = pytest.importorskip("rclpy")

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.qos import QoSProfile  # noqa: E402
from std_msgs.msg import Empty  # noqa: E402
from std_srvs.srv import SetBool, Trigger  # noqa: E402

from talk2dino_ros.ros.node.enduring_executor import EnduringExecutor  # noqa: E402
from talk2dino_ros.ros.node.managed_node import ManagedNode  # noqa: E402
from talk2dino_ros.ros.requests.asker import KnownReaders  # noqa: E402
from talk2dino_ros.ros.requests.fair_queue import MOST_WAITING  # noqa: E402

DEADLINE_S = 60.0
GONE = 50
RMW_WAIT_S = 0.1  # what rmw_fastrtps waits for each of them


class AskedNode(ManagedNode):
    """Says who was answered."""

    autostart = False

    def __init__(self, context):
        super().__init__("asked", context=context, use_global_arguments=False)
        self.served = []
        self.create_service(Trigger, "~/ask", self._on_ask)
        self.create_service(SetBool, "~/note", self._on_note)

    def _configure(self): ...
    def _activate(self): ...
    def _deactivate(self): ...
    def _tear_down(self): ...
    def _change_parameters(self, _values): ...

    def _on_ask(self, _request, response):
        self.served.append("ask")
        response.success = True
        return response

    def _on_note(self, request, response):
        self.served.append("good" if request.data else "stranger")
        response.success = request.data
        return response


class Party:
    """A process of its own, as DDS sees it: a context with a node and its executor."""

    def __init__(self, name):
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = Node(name, context=self.context, use_global_arguments=False)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def client(self, kind, name):
        client = self.node.create_client(kind, name, qos_profile=QoSProfile(depth=2 * MOST_WAITING))
        assert client.wait_for_service(DEADLINE_S)
        return client

    def end(self):
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


class Ear:
    """Beside the node, in its process as DDS sees it: hears a party's mark once all is there that it sent before."""

    def __init__(self, context):
        self._node = Node("ear", context=context, use_global_arguments=False)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)
        self._marks = []
        self._node.create_subscription(Empty, "mark", self._marks.append, 10)

    def wait_for_all_of(self, party):
        publisher = party.node.create_publisher(Empty, "mark", 10)
        _wait(publisher.get_subscription_count)
        publisher.publish(Empty())
        _wait(lambda: self._executor.spin_once(timeout_sec=0.01) or self._marks)

    def end(self):
        self._executor.shutdown()
        self._node.destroy_node()


@pytest.fixture
def bench():
    """The node in its executor, a good client's process and a stranger's, spun by `until`."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = AskedNode(context)
    executor = EnduringExecutor(node.note_fault, node.requests, context=context)
    executor.add_node(node)
    good, stranger, ear = Party("good"), Party("stranger"), Ear(context)

    def until(condition):
        begin_s = time.monotonic()
        while not condition():
            assert time.monotonic() < begin_s + DEADLINE_S, "waited in vain"
            executor.spin_once(timeout_sec=0.005)
            good.executor.spin_once(timeout_sec=0.005)
        return time.monotonic() - begin_s

    def readers():
        return node.get_subscriptions_info_by_topic("rr/asked/askReply", no_mangle=True)

    yield SimpleNamespace(node=node, good=good, stranger=stranger, ear=ear, until=until, readers=readers)
    for party in (good, stranger, ear):
        party.end()
    node.destroy_node()
    rclpy.shutdown(context=context)


def _wait(condition):
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.01)


def test_nobody_waits_for_clients_that_are_gone(bench, monkeypatch):
    monkeypatch.setattr("talk2dino_ros.ros.requests.late_answers.PATIENCE_S", 0.3)
    client = bench.good.client(Trigger, "asked/ask")
    bench.until(client.call_async(Trigger.Request()).done)  # both sides know each other
    answers = [client.call_async(Trigger.Request()) for _ in range(GONE)]
    usual_s = bench.until(lambda: all(answer.done() for answer in answers))
    gone = [bench.stranger.client(Trigger, "asked/ask") for _ in range(GONE)]
    _wait(lambda: len(bench.readers()) == GONE + 1)
    for each in gone:
        each.call_async(Trigger.Request())
    bench.ear.wait_for_all_of(bench.stranger)  # DDS has the requests now, which nobody can see
    for each in gone:
        bench.stranger.node.destroy_client(each)
    _wait(lambda: len(bench.readers()) == 1)  # for the node they are gone too, and none is answered yet
    answer = client.call_async(Trigger.Request())
    took_s = bench.until(lambda: answer.done() and len(bench.node.served) == 2 + 2 * GONE)
    assert took_s < usual_s + GONE * RMW_WAIT_S / 2
    bench.until(lambda: bench.node.requests.answers.lost == GONE)
    status = bench.node._own_status()
    assert {pair.key: pair.value for pair in status.values}["answers that nobody took"] == str(GONE)


def test_a_good_client_has_its_turn_beside_one_that_asks_without_end(bench):
    stranger = bench.stranger.client(SetBool, "asked/note")
    client = bench.good.client(SetBool, "asked/note")
    for _ in range(MOST_WAITING // 2):
        stranger.call_async(SetBool.Request(data=False))
    bench.until(lambda: "stranger" in bench.node.served)
    answer = client.call_async(SetBool.Request(data=True))
    bench.ear.wait_for_all_of(bench.good)
    before = len(bench.node.served)
    bench.until(answer.done)
    assert answer.result().success
    place = bench.node.served.index("good")
    assert place - before < MOST_WAITING // 10
    bench.until(lambda: len(bench.node.served) == MOST_WAITING // 2 + 1)  # nobody's are lost


def test_what_one_process_asks_beyond_its_queue_is_named(bench, monkeypatch):
    monkeypatch.setattr("talk2dino_ros.ros.requests.fair_queue.MOST_WAITING", 5)
    stranger = bench.stranger.client(SetBool, "asked/note")
    for _ in range(20):
        stranger.call_async(SetBool.Request(data=False))
    bench.until(lambda: bench.node.messages.dropped + len(bench.node.served) == 20)
    assert bench.node.messages.dropped > 0
    assert "requests of /asked/note waiting, expected fewer" in bench.node.messages.recent


def test_an_answer_waits_for_a_reader_that_is_not_known_yet(bench, monkeypatch):
    has, looks = KnownReaders.has, []

    def not_at_first(readers, name, asker):
        looks.append(asker)
        return len(looks) > 3 and has(readers, name, asker)

    monkeypatch.setattr(KnownReaders, "has", not_at_first)
    client = bench.good.client(Trigger, "asked/ask")
    answer = client.call_async(Trigger.Request())
    bench.until(answer.done)
    assert answer.result().success
    assert len(set(looks)) == 1
    assert len(looks) > 3
    assert bench.node.requests.answers.lost == 0


def test_what_ros_itself_logs_of_a_request_is_made_safe_before(bench, capfd):
    from lifecycle_msgs.srv import ChangeState
    from type_description_interfaces.srv import GetTypeDescription

    evil = "\x1b[31m\n[ERROR] [1.0] [asked]: forged \u202e" + "x" * 5000
    change = ChangeState.Request()
    change.transition.label = evil
    describe = GetTypeDescription.Request(type_name=evil, type_hash=evil)
    for kind, name, request in (
        (ChangeState, "asked/change_state", change),
        (GetTypeDescription, "asked/get_type_description", describe),
    ):
        answer = bench.good.client(kind, name).call_async(request)
        bench.until(answer.done)
        assert not getattr(answer.result(), "success" if kind is ChangeState else "successful")
    said = "".join(capfd.readouterr())
    assert "forged" in said
    assert not any(each in said for each in ("\x1b", "\u202e", "\n[ERROR] [1.0]"))
    assert len(said) < 3000


def test_a_transition_that_the_state_has_not_is_answered_with_a_failure(bench):
    from lifecycle_msgs.srv import ChangeState, GetState

    client = bench.good.client(ChangeState, "asked/change_state")
    for number in (0, 3, 255):  # create, activate of a node that is not configured, and none at all
        request = ChangeState.Request()
        request.transition.id = number
        answer = client.call_async(request)
        bench.until(answer.done)
        assert answer.result().success is False
    state = bench.good.client(GetState, "asked/get_state").call_async(GetState.Request())
    bench.until(state.done)
    assert state.result().current_state.label == "unconfigured"
