# SPDX-License-Identifier: Apache-2.0
"""Feeds as several threads see them; the node makes no subscription of ROS, and what is started runs at once."""

import asyncio
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")

from talk2dino_ros.client import feeds
from talk2dino_ros.client.client_errors import ClientError
from talk2dino_ros.client.feeds import Feeds


class Node:
    """subscriptions: the callbacks of those that there are."""

    def __init__(self):
        self.subscriptions = []

    def resolve_topic_name(self, name):
        return f"/{name}"

    def create_subscription(self, _type, _name, callback, _qos):
        self.subscriptions.append(callback)
        return callback

    def destroy_subscription(self, callback):
        self.subscriptions.remove(callback)


class Work:
    """As ClientWork, at once."""

    is_closed = False

    def start(self, work):
        if self.is_closed:
            raise ClientError("closed")
        asyncio.run(work())


@pytest.fixture
def node():
    return Node()


@pytest.fixture
def work():
    return Work()


def test_no_subscription_outlives_the_client_where_the_node_goes_on(node, work):
    of_client = Feeds(node, work)
    first, second = of_client.open(int, "a", None), of_client.open(int, "b", None)
    first.close()
    assert len(node.subscriptions) == 1
    work.is_closed = True
    second.close()
    of_client.destroy()
    of_client.destroy()
    assert node.subscriptions == []


def test_a_feed_that_two_threads_close_is_closed_once(node, work):
    of_client = Feeds(node, work)
    first, second = of_client.open(int, "a", None), of_client.open(int, "a", None)
    first.close()
    first.close()
    assert len(node.subscriptions) == 1
    second.close()
    assert node.subscriptions == []


def test_a_new_message_is_never_taken_for_an_old_one(node, work, monkeypatch):
    """By a thread that looks between any two steps of the executor's."""
    feed, now_s, seen = Feeds(node, work).open(int, "a", None), [100.0], []

    class Watched(feeds._Topic):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            seen.append((self.newest, feed.age_s))

    monkeypatch.setattr(feeds, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    feed._topic.__class__ = Watched
    (arrive,) = node.subscriptions
    arrive("old")
    now_s[0] = 200.0
    arrive("new")
    ages = {message: max(age_s for each, age_s in seen if each == message) for message in ("old", "new")}
    assert ages == {"old": 0.0, "new": 0.0}
