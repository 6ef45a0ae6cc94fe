# SPDX-License-Identifier: Apache-2.0
"""Who does not acknowledge label_info is told it once more, right before what would mean nothing to it."""

from types import SimpleNamespace

import pytest
from sensor_msgs.msg import Image
from vision_msgs.msg import LabelInfo

from talk2dino_ros.segmenter import label_topics
from talk2dino_ros.segmenter.label_topics import LabelTopics

PAUSE_S = 1.5


class StubPublisher:
    """Keep what is published in the order of all; readers and their acknowledgement are set by hand."""

    def __init__(self, topic: str, sent: list[str]) -> None:
        self.topic = topic
        self.readers = 0
        self.is_acked = True
        self._sent = sent

    def publish(self, message) -> None:
        self._sent.append(self.topic)

    def get_subscription_count(self) -> int:
        return self.readers

    def wait_for_all_acked(self, timeout) -> bool:
        assert timeout.nanoseconds == 0, "no frame waits for a reader"
        if isinstance(self.is_acked, Exception):
            raise self.is_acked
        return self.is_acked


class StubNode:
    def __init__(self) -> None:
        self.publishers: dict[str, StubPublisher] = {}
        self.sent: list[str] = []

    def create_publisher(self, kind, topic, qos, event_callbacks) -> StubPublisher:
        self.publishers[topic] = StubPublisher(topic, self.sent)
        return self.publishers[topic]


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now_s=0.0)
    monkeypatch.setattr(label_topics, "time", SimpleNamespace(monotonic=lambda: clock.now_s))
    return clock


@pytest.fixture
def node():
    return StubNode()


@pytest.fixture
def publish(node, clock):
    """Return a function that publishes a mask at a time and returns what went out."""
    topics = LabelTopics(node, "", PAUSE_S)
    topics.publish_label_info(LabelInfo())

    def publish(now_s: float) -> list[str]:
        clock.now_s = now_s
        node.sent.clear()
        topics.publish(mask=Image())
        return list(node.sent)

    return publish


def test_the_label_info_publisher_is_created_first(node, publish):
    assert next(iter(node.publishers)) == "label_info"


def test_a_reader_that_acknowledges_label_info_gets_it_once(node, publish):
    node.publishers["label_info"].readers = 1
    assert publish(10.0) == ["label_info"]
    assert publish(11.4) == []
    assert publish(11.5) == ["mask"]


def test_a_reader_without_acknowledgement_gets_label_info_again_before_the_mask(node, publish):
    node.publishers["label_info"].readers = 1
    node.publishers["label_info"].is_acked = False
    assert publish(10.0) == ["label_info"]
    assert publish(11.4) == []
    assert publish(11.5) == ["label_info"]
    assert publish(12.0) == []
    assert publish(13.0) == ["label_info", "mask"]
    assert publish(13.1) == ["mask"]


def test_without_acknowledgements_masks_wait_for_the_pause_only(node, publish):
    """As with a middleware that cannot say."""
    node.publishers["label_info"].readers = 1
    node.publishers["label_info"].is_acked = RuntimeError("unsupported")
    assert publish(10.0) == ["label_info"]
    assert publish(11.5) == ["mask"]
