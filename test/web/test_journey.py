# SPDX-License-Identifier: Apache-2.0
"""The robot's way as pages ask for it, several at once; a stand-in for the client of the nodes."""

import threading
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.msg")

from talk2dino_ros.client.client_errors import ClientError
from talk2dino_ros.web.robot.journey import Journey

WAIT_S = 60


class Run:
    """A go_to; it is over once it is cancelled."""

    def __init__(self, word, on_feedback):
        self.word, self.on_feedback, self.result = word, on_feedback, Future()

    def cancel(self):
        self.result.set_result(SimpleNamespace(message="cancelled"))


class Client:
    """on_go: called with each run before the caller has it."""

    def __init__(self):
        self.runs = []
        self.on_go = lambda run: None

    def go_to(self, word, on_feedback, **_):
        run = Run(word, on_feedback)
        self.runs.append(run)
        self.on_go(run)
        return run


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def journey(client):
    return Journey(client, "goal")


def begin(journey, word):
    journey.begin(word, 0, lambda: None)


def test_of_two_pages_that_send_the_robot_at_once_the_later_one_s_drive_is_what_stop_ends(client, journey):
    """Its goal has replaced the other at the goal node, whichever page's thread goes on first."""

    def other_page_asks(run):
        if run.word == "cup":
            other = threading.Thread(target=begin, args=(journey, "door"))
            client.others = [other]
            other.start()
            other.join(0.2)  # where it can end, before the cup's page knows of its own

    client.on_go = other_page_asks
    begin(journey, "cup")
    client.others[0].join(WAIT_S)
    newest = client.runs[-1]
    assert newest.word == "door"
    assert journey.is_going
    journey.cancel()
    assert newest.result.done()
    assert journey.said == "door: cancelled"


def test_what_a_drive_says_that_was_replaced_is_not_shown(client, journey):
    begin(journey, "cup")
    begin(journey, "door")
    client.runs[0].on_feedback(SimpleNamespace(message="on the way"))
    client.runs[0].result.set_result(SimpleNamespace(message="replaced"))
    assert journey.said == "door: asking the goal node"


def test_where_a_drive_cannot_begin_the_one_under_way_is_still_shown_and_stopped(client, journey):
    begin(journey, "cup")

    def is_closed(_run):
        raise ClientError("closed")

    client.on_go = is_closed
    with pytest.raises(ClientError):
        begin(journey, "door")
    client.runs[0].on_feedback(SimpleNamespace(message="on the way"))
    assert journey.said == "cup: on the way"
    journey.cancel()
    assert client.runs[0].result.done()
