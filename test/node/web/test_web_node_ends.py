# SPDX-License-Identifier: Apache-2.0
"""The node web in this process, activated and deactivated with browsers that look, and with requests that wait."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from talk2dino_msgs.msg import PointOfInterestArray
from talk2dino_msgs.srv import Find
from websockets.sync.client import connect

from talk2dino_ros.client import talk2dino_client
from talk2dino_ros.ros.node.enduring_executor import EnduringExecutor
from talk2dino_ros.web import web_server
from talk2dino_ros.web.robot import robot_snapshot
from talk2dino_ros.web.robot.web_node import WebNode

NAMESPACE = "/ends"
WAIT_S = 60.0
OK, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class Page:
    """A configured node. faults: what went wrong in its callbacks."""

    def __init__(self, context, port=0):
        options = {"context": context, "namespace": NAMESPACE, "use_global_arguments": False}
        self.faults = []
        self.node = WebNode(parameter_overrides=[Parameter("port", value=port)], **options)
        self._executor = EnduringExecutor(lambda *fault: self.faults.append(fault), self.node.requests, context=context)
        self._executor.add_node(self.node)
        assert self.node.trigger_configure() == OK

    @property
    def address(self):
        return self.node._server.address.rstrip("/")

    @property
    def topics(self):
        return sorted(each.topic_name for each in self.node.subscriptions)

    def until(self, is_so):
        end_s = time.monotonic() + WAIT_S
        while not is_so():
            assert time.monotonic() < end_s, (self.topics, self.faults)
            self._executor.spin_once(timeout_sec=0.02)

    def round(self):
        """Let the executor do all that is due."""
        is_over = threading.Event()
        self._executor.create_task(is_over.set)
        self.until(is_over.is_set)

    def end(self):
        self.node.stop()
        self._executor.drop_round()
        self._executor.shutdown()
        self.node.destroy_node()


@pytest.fixture
def page(context):
    page = Page(context)
    yield page
    page.end()


@pytest.fixture
def others(context):
    """A segmenter's topic, by which its camera is known, and a memory that never answers."""
    node = Node("others", context=context, namespace=NAMESPACE, use_global_arguments=False)
    node.create_publisher(PointOfInterestArray, "talk2dino/points_of_interest", 1)
    node.create_service(Find, "memory/find", lambda request, response: response)
    yield node
    node.destroy_node()


def ask(address, path, content=None):
    """Status and sentence of a request."""
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(address + path, body, {"Origin": address, "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=3 * WAIT_S) as reply:
            return reply.status, json.load(reply)["message"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["message"]


def test_nothing_is_left_of_a_page_that_is_deactivated_while_a_browser_looks(page, others):
    for _ in range(2):
        assert page.node.trigger_activate() == OK
        server = page.node._server._thread
        page.until(page.node._client.cameras)
        with connect(page.address.replace("http", "ws") + "/live", origin=page.address) as line:
            page.until(lambda: page.node._source.state().cameras)
            line.send(json.dumps({"watch": ["camera"]}))
            page.until(lambda: f"{NAMESPACE}/talk2dino/overlay" in page.topics)
            page.node._client.find("cup")
            page.until(lambda: list(page.node.clients))  # the memory is asked, and does not answer
            assert page.node.trigger_deactivate() == OK
        server.join(WAIT_S)
        assert not server.is_alive()
        page.round()
        page.round()
        assert (page.topics, list(page.node.clients), page.faults) == ([], [], [])


def test_requests_that_wait_are_answered_as_the_page_is_deactivated(page, others, monkeypatch):
    """The executor's thread must not wait for those that wait for it."""
    for module, name in ((talk2dino_client, "ENCODING_S"), (robot_snapshot, "PATIENCE_S"), (web_server, "END_S")):
        monkeypatch.setattr(module, name, 2 * WAIT_S)
    assert page.node.trigger_activate() == OK
    page.until(lambda: page.node._source.state().cameras)
    address, server = page.address, page.node._server._thread
    with ThreadPoolExecutor(2) as pool:
        found = pool.submit(ask, address, "/find", {"word": "cup"})
        snapshot = pool.submit(ask, address, "/snapshot?camera=camera")
        page.until(lambda: list(page.node.clients) and f"{NAMESPACE}/image" in page.topics)
        assert page.node.trigger_deactivate() == OK
        assert not server.is_alive()
        assert found.result()[1].startswith("this client of the nodes has been closed")
        assert snapshot.result()[1].startswith("the page ended before an image with a mask came")
    page.round()
    assert page.faults == []


def test_an_activation_that_fails_leaves_nothing_and_can_be_tried_again(context):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        page = Page(context, taken.getsockname()[1])
        before = set(threading.enumerate())
        assert page.node.trigger_activate() == FAILURE
        page.round()
        assert (page.topics, page.faults) == ([], [])
        assert set(threading.enumerate()) <= before
    assert page.node.trigger_activate() == OK
    page.end()
