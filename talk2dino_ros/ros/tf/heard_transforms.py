# SPDX-License-Identifier: Apache-2.0
"""TF lookups in what this process has heard on /tf and /tf_static, for machines without tf2_ros."""

from __future__ import annotations

from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from talk2dino_ros.ros.tf.listener import TransformsListener
from talk2dino_ros.ros.tf.lookup import HISTORY_S
from talk2dino_ros.ros.tf.recorded_transforms import RecordedTransforms
from talk2dino_ros.ros.tf.transforms import Transform

QUEUE = 100  # messages, as tf2_ros


class HeardTransforms(TransformsListener):
    """Lookups in the transforms of the last seconds."""

    source = "talk2dino_ros"

    def __init__(self, node: Any, history_s: float = HISTORY_S) -> None:
        super().__init__(node)
        self._recorded = RecordedTransforms(round(history_s * 1e9))
        group = ReentrantCallbackGroup()  # a callback of the node that waits must not keep TF out
        latched = QoSProfile(depth=QUEUE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._subscriptions = [
            node.create_subscription(TFMessage, "/tf", self.on_tf, QoSProfile(depth=QUEUE), callback_group=group),
            node.create_subscription(TFMessage, "/tf_static", self.on_tf_static, latched, callback_group=group),
        ]

    def on_tf(self, message: TFMessage) -> None:
        """Add the transforms of a /tf message."""
        self._take(message, is_static=False)

    def on_tf_static(self, message: TFMessage) -> None:
        """Add the transforms of a /tf_static message."""
        self._take(message, is_static=True)

    def _take(self, message: TFMessage, is_static: bool) -> None:
        for transform in message.transforms:
            with self.learning():
                flaw = self._recorded.add(transform, is_static)
            if flaw:
                self.report(flaw)

    def clear(self) -> None:
        """Forget what was published on /tf."""
        with self.learning():
            self._recorded.clear()

    def destroy(self) -> None:
        """Stop listening."""
        super().destroy()
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def find(self, target: str, source: str, stamp_ns: int | None) -> Transform:
        """Return what is known now."""
        return self._recorded.find(target, source, stamp_ns)
