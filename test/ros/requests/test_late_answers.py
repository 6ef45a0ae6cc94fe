# SPDX-License-Identifier: Apache-2.0
"""Answers that wait for their readers, of which one leaves at the very moment; a node with a list of readers."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")

from talk2dino_ros.ros.requests.late_answers import LateAnswers

READERS = [bytes([number]) * 16 for number in range(3)]


class Node:
    def __init__(self):
        self.readers = []

    def create_timer(self, *_, **__):
        return SimpleNamespace(cancel=lambda: None, reset=lambda: None, is_canceled=lambda: False)

    def get_subscriptions_info_by_topic(self, _name, **_):
        return [SimpleNamespace(endpoint_gid=reader) for reader in self.readers]


class Service:
    """sent: whom it has answered; gone: those at whom rclpy raises."""

    service_name = "/ask"

    def __init__(self):
        self.sent, self.gone = [], []

    def send_response(self, response, header):
        if header in self.gone:
            raise RuntimeError("the reader has gone")
        self.sent.append((response, header))


def test_a_reader_that_leaves_at_the_moment_of_its_answer_costs_nobody_else_theirs():
    node, service = Node(), Service()
    answers = LateAnswers(node, clock=None)
    answers._readers.has = lambda _name, reader: reader in node.readers  # looks at the graph each time
    for reader in READERS:
        answers.send(service, "answer", reader, reader)
    assert service.sent == []
    node.readers, service.gone = READERS, [READERS[0]]
    with pytest.raises(RuntimeError):  # which the executor tells of
        answers.look()
    answers.look()
    assert service.sent == [("answer", reader) for reader in READERS[1:]]
    assert answers.lost == 0
