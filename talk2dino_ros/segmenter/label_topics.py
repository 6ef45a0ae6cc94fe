# SPDX-License-Identifier: Apache-2.0
"""Publishers of mask, confidence, cloud and label_info, which every subscriber has to receive before the first mask."""

from __future__ import annotations

import inspect
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.duration import Duration
from rclpy.publisher import PublisherEventCallbacks  # where it is defined has another name on Humble
from sensor_msgs.msg import Image, PointCloud2
from vision_msgs.msg import LabelInfo

from talk2dino_ros.ros.node.qos import LATCHED, RELIABLE
from talk2dino_ros.segmenter.new_readers import LABEL_INFO, NewReaders

if TYPE_CHECKING:
    from rclpy.node import Node

HAS_MATCHED_EVENTS = "matched" in inspect.signature(PublisherEventCallbacks).parameters  # Humble has none
TYPES = {"mask": Image, "confidence": Image, "cloud": PointCloud2}


class LabelTopics:
    """Publish mask, confidence and cloud (reliable, depth 1), and label_info (latched), under one prefix.

    For `pause_s` seconds after a reader of any of the four has come the first three are dropped. label_info goes out
    when it changes, and anew for each reader of its own: a subscription that is volatile misses what is latched. Who
    does not acknowledge it is told again, and waited for as long once more.
    """

    def __init__(self, node: Node, prefix: str, pause_s: float) -> None:
        self._node = node
        self._readers = NewReaders(pause_s)
        self._label_info: LabelInfo | None = None
        self._label_info_lock = threading.Lock()  # nothing old goes out after something new
        # The first, as other processes hear of publishers in the order they were made.
        self._label_info_pub = self._publisher(LabelInfo, prefix, LABEL_INFO, LATCHED)
        self._pubs = {topic: self._publisher(kind, prefix, topic, RELIABLE) for topic, kind in TYPES.items()}

    def publish(self, **messages: Image | PointCloud2) -> bool:
        """Publish the messages by topic, unless a reader is too new; return whether they went out."""
        self._poll_readers()
        tells, publishes = self._readers.turn(time.monotonic(), self._is_label_info_heard)
        if tells:
            self._tell()
        if publishes:
            for topic, message in messages.items():
                self._pubs[topic].publish(message)
        return publishes

    def publish_label_info(self, label_info: LabelInfo) -> None:
        """Publish the label_info of the next messages."""
        with self._label_info_lock:
            self._label_info = label_info
            self._label_info_pub.publish(label_info)

    def has_reader(self, topic: str) -> bool:
        """Whether there are subscribers of the mask, confidence or cloud."""
        return bool(self._pubs[topic].get_subscription_count() > 0)

    def destroy(self) -> None:
        """Destroy the publishers."""
        for publisher in (*self._pubs.values(), self._label_info_pub):
            self._node.destroy_publisher(publisher)

    def _publisher(self, kind: Any, prefix: str, topic: str, qos: Any) -> Any:
        events = {"matched": partial(self._on_matched, topic)} if HAS_MATCHED_EVENTS else {}
        callbacks = PublisherEventCallbacks(**events)
        return self._node.create_publisher(kind, f"{prefix}{topic}", qos, event_callbacks=callbacks)

    def _on_matched(self, topic: str, event: Any) -> None:
        is_new = self._readers.on_matched(topic, event.total_count, event.current_count, time.monotonic())
        if is_new and topic == LABEL_INFO:
            self._tell()

    def _poll_readers(self) -> None:
        for topic, publisher in (*self._pubs.items(), (LABEL_INFO, self._label_info_pub)):
            is_new = self._readers.on_count(topic, publisher.get_subscription_count(), time.monotonic())
            if is_new and topic == LABEL_INFO:
                self._tell()

    def _tell(self) -> None:
        with self._label_info_lock:
            if self._label_info is not None:
                self._label_info_pub.publish(self._label_info)

    def _is_label_info_heard(self) -> bool:
        """Whether all readers have acknowledged label_info; True where the middleware cannot say, as Zenoh's."""
        try:
            return bool(self._label_info_pub.wait_for_all_acked(Duration()))
        except RuntimeError:  # as rclpy's RCLError is, which is no public name
            return True
