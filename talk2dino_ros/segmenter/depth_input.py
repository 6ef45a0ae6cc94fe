# SPDX-License-Identifier: Apache-2.0
"""Subscriptions to a camera's depth and camera_info; which of them belong to an image is depth_topics.py's.

The executor's thread receives, the worker's asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.subscription import SubscriptionEventCallbacks  # where it is defined has another name on Humble
from sensor_msgs.msg import CameraInfo, Image

from talk2dino_ros.ros.conversions.image_pixels import check_image_pixels
from talk2dino_ros.ros.node.qos import LATCHED, SENSOR_QUEUE
from talk2dino_ros.segmenter.depth_topics import (
    CAMERA_INFO,
    IMAGE,
    KEPT_DEPTHS,
    KEPT_INFOS,
    DepthTopics,
    StampedTopic,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy.node import Node

    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters

CLASSES = {IMAGE: Image, CAMERA_INFO: CameraInfo}


class DepthInput(DepthTopics):
    """The topics `<name>/depth`, `<name>/camera_info` and, where depth has its own, `<name>/depth_camera_info`.

    Where the parameter camera_info_latest is set from the start, camera_info is heard also where it was published once
    and is kept for late joiners.
    """

    def __init__(self, node: Node, name: str, parameters: Parameters) -> None:
        prefix = f"{name}/" if name else ""
        most, latched = parameters.max_image_pixels, parameters.camera_info_latest
        depths = _Topic(node, IMAGE, f"{prefix}depth", KEPT_DEPTHS, check=lambda depth: check_image_pixels(depth, most))
        infos, depth_infos = (
            _Topic(node, CAMERA_INFO, f"{prefix}{topic}", KEPT_INFOS, may_be_latched=latched)
            for topic in ("camera_info", "depth_camera_info")
        )
        super().__init__(depths, infos, depth_infos)
        self._subscribed = (depths, infos, depth_infos)

    def start(self) -> None:
        """Subscribe."""
        for topic in self._subscribed:
            topic.start()

    def stop(self) -> None:
        """End the subscriptions and every wait; without effect where there are none."""
        for topic in self._subscribed:
            topic.stop()


class _Topic(StampedTopic):
    """A topic that is subscribed to; check: refuses a message by a Talk2DinoError.

    may_be_latched: some publish it once and keep it for late joiners, others send it always and keep nothing. A
    subscription hears the one or the other, so it takes two, and the publisher's process warns of the other one.
    """

    def __init__(
        self,
        node: Node,
        expected_type: str,
        topic: str,
        kept: int,
        *,
        may_be_latched: bool = False,
        check: Callable[[Any], None] | None = None,
    ) -> None:
        super().__init__(str(node.resolve_topic_name(topic)), expected_type, kept)  # with remappings resolved
        self._node = node
        self._topic = topic
        self._check = check
        self._profiles = (SENSOR_QUEUE, LATCHED) if may_be_latched else (SENSOR_QUEUE,)
        self._subs: list[Any] = []

    @property
    def is_published(self) -> bool:
        return bool(self._node.count_publishers(self.name))

    def types(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.topic_type for each in self._node.get_publishers_info_by_topic(self.name)))

    def start(self) -> None:
        if not self._subs:
            self._count_at_start = self._count
            self.buffer.open()
            take = (CLASSES[self.expected_type], self._topic, self._receive)
            # rclpy would warn of what the one profile does not hear, though the other does
            quiet = SubscriptionEventCallbacks(incompatible_qos=lambda _event: None)
            self._subs = [
                self._node.create_subscription(*take, profile, event_callbacks=quiet) for profile in self._profiles
            ]

    def stop(self) -> None:
        while self._subs:
            self._node.destroy_subscription(self._subs.pop())
        self.buffer.close()

    def _receive(self, message: Any) -> None:
        if self._check is not None:
            self._check(message)
        self.take(message)
