# SPDX-License-Identifier: Apache-2.0
"""When a server counts as gone."""

import pytest

from talk2dino_ros.client import departure
from talk2dino_ros.client.departure import LAST_ANSWER_S, Departure


class Server:
    """A server that is there or not, at a time."""

    def __init__(self, monkeypatch) -> None:
        self.is_there, self.now_s = True, 100.0
        monkeypatch.setattr(departure.time, "monotonic", lambda: self.now_s)
        self.departure = Departure(lambda: self.is_there)

    def at(self, now_s: float, *, is_there: bool) -> bool:
        self.now_s, self.is_there = now_s, is_there
        return self.departure.is_certain()


@pytest.fixture
def server(monkeypatch):
    return Server(monkeypatch)


def test_one_that_stays_has_not_gone(server):
    assert not any(server.at(float(second), is_there=True) for second in range(100, 200))


def test_the_last_answer_may_come_a_moment_after_the_end(server):
    assert not server.at(100.0, is_there=False)
    assert not server.at(100.0 + 0.9 * LAST_ANSWER_S, is_there=False)
    assert server.at(100.0 + 1.1 * LAST_ANSWER_S, is_there=False)


def test_one_that_has_come_back_does_not_know_of_the_request(server):
    assert not server.at(100.0, is_there=False)
    assert not server.at(100.1, is_there=True)
    assert server.at(101.0, is_there=True)
