# SPDX-License-Identifier: Apache-2.0
"""The plugin of `make test-late`: messages and answers come late, in their order, and none after the end."""

import time

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from std_msgs.msg import Int32  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from tools import late_messages  # noqa: E402

LATE_S = 0.2
DEADLINE_S = 120.0


@pytest.fixture
def node(monkeypatch):
    """A late node with `until`, which spins it."""
    monkeypatch.setattr(late_messages, "late_s_of", lambda _name: LATE_S)
    context = rclpy.Context()
    rclpy.init(context=context)
    node = Node("late", context=context, use_global_arguments=False)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def until(condition):
        end_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end_s, "waited in vain"
            executor.spin_once(timeout_sec=0.01)

    node.until = until
    yield node
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_messages_come_late_in_their_order_and_none_after_the_subscription(node):
    taken, early = [], []
    publisher = node.create_publisher(Int32, "number", 10)
    subscription = late_messages.create_subscription(node, Int32, "number", taken.append, 10)
    node.create_subscription(Int32, "number", early.append, 10)
    node.until(lambda: publisher.get_subscription_count() == 2)
    began_s = time.monotonic()
    for number in range(3):
        publisher.publish(Int32(data=number))
    node.until(lambda: len(taken) == 3)
    assert time.monotonic() - began_s >= LATE_S
    assert [message.data for message in taken] == [0, 1, 2]

    publisher.publish(Int32(data=3))
    node.until(lambda: len(early) == 4)
    node.destroy_subscription(subscription)
    end_s = time.monotonic() + 2 * LATE_S
    node.until(lambda: time.monotonic() > end_s)
    assert len(taken) == 3


def test_answers_come_late(node):
    node.create_service(Trigger, "trigger", lambda _request, _response: Trigger.Response(message="done"))
    client = late_messages.create_client(node, Trigger, "trigger")
    node.until(client.service_is_ready)
    began_s = time.monotonic()
    answer = client.call_async(Trigger.Request())
    node.until(answer.done)
    assert time.monotonic() - began_s >= LATE_S
    assert answer.result().message == "done"


def test_the_same_seed_gives_the_same_times(monkeypatch):
    def times(seed):
        monkeypatch.setenv("LATE_SEED", seed)
        late_messages._made.clear()
        return [late_messages.late_s_of("mask") for _ in range(20)]

    assert times("1") == times("1") != times("2")
    assert set(times("1")) == set(late_messages.LATE_S)
