# SPDX-License-Identifier: Apache-2.0
"""Feeds of topics: a subscription while someone wants it, of which the newest message is kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from talk2dino_ros.client.client_errors import ClientError, SilentNodeError

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.qos import QoSProfile

    from talk2dino_ros.client.client_work import ClientWork

OnMessage = Callable[[Any], None]


@dataclass
class _Topic:
    """What the feeds of one topic share."""

    name: str
    feeds: list[Feed] = field(default_factory=list)
    subscription: Any = None
    newest: Any = None
    came_s: float = 0.0
    count: int = 0


class Feed:
    """The newest message of a topic, until it is closed; a context manager.

    Any thread may use it. Several feeds of a topic share one subscription.
    """

    def __init__(self, feeds: Feeds, topic: _Topic, on_message: OnMessage | None) -> None:
        self.on_message = on_message
        self._feeds = feeds
        self._topic = topic

    @property
    def newest(self) -> Any:
        """The newest message; None before the first."""
        return self._topic.newest

    @property
    def count(self) -> int:
        """How many messages have come: another number is another message."""
        return self._topic.count

    @property
    def age_s(self) -> float:
        """Seconds since the newest message has come; infinite before the first."""
        return math.inf if self._topic.newest is None else time.monotonic() - self._topic.came_s

    def next(self, timeout_s: float) -> Future[Any]:
        """Return the future of the next message to come; it raises SilentNodeError where none comes in time."""
        return self._feeds.next_of(self._topic, timeout_s)

    def close(self) -> None:
        """Want it no more; the subscription ends with its last feed."""
        self._feeds.close(self, self._topic)

    def __enter__(self) -> Feed:
        """Return the feed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


class Feeds:
    """All feeds of a client; subscriptions are made and ended in the executor's thread."""

    def __init__(self, node: Node, work: ClientWork) -> None:
        self._node = node
        self._work = work
        self._topics: dict[tuple[str, type], _Topic] = {}

    def open(self, message_type: type, name: str, qos: QoSProfile, on_message: OnMessage | None = None) -> Feed:
        """Return a feed of a topic; `on_message` gets each message in the executor's thread, and has to be short."""
        topic = self._topics.setdefault((name, message_type), _Topic(str(self._node.resolve_topic_name(name))))
        feed = Feed(self, topic, on_message)
        topic.feeds.append(feed)

        async def subscribe() -> None:
            if topic.subscription is None and topic.feeds:
                topic.subscription = self._node.create_subscription(
                    message_type, name, lambda message: _take(topic, message), qos
                )

        self._work.start(subscribe)
        return feed

    def close(self, feed: Feed, topic: _Topic) -> None:
        """Take a feed away, and the subscription with the last one."""
        try:
            topic.feeds.remove(feed)
        except ValueError:  # it was closed before, maybe by another thread
            return

        async def unsubscribe() -> None:
            if not topic.feeds and topic.subscription is not None:
                self._node.destroy_subscription(topic.subscription)
                topic.subscription = topic.newest = None

        with suppress(ClientError):  # the client has been closed, and the subscription with it
            self._work.start(unsubscribe)

    def destroy(self) -> None:
        """End all subscriptions with the client, whose node may go on."""
        for topic in list(self._topics.values()):
            subscription, topic.subscription, topic.newest = topic.subscription, None, None
            if subscription is not None:
                self._node.destroy_subscription(subscription)

    def next_of(self, topic: _Topic, timeout_s: float) -> Future[Any]:
        """Return the future of a topic's next message."""
        count = topic.count

        async def wait() -> Any:
            if await self._work.waits.until(lambda: topic.count != count, timeout_s):
                return topic.newest
            raise SilentNodeError(
                f"no message has come on {topic.name} in {timeout_s:g} s, expected one; look whether its node is "
                "active and has images (its status in /diagnostics)"
            )

        return self._work.start(wait)


def _take(topic: _Topic, message: Any) -> None:
    topic.came_s = time.monotonic()  # first: another thread must not take the new message for an old one
    topic.newest = message
    topic.count += 1
    for feed in list(topic.feeds):
        if feed.on_message is not None:
            feed.on_message(message)
