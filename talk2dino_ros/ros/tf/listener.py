# SPDX-License-Identifier: Apache-2.0
"""Base of the TF listeners: logging, and clearing after a clock jump."""

from __future__ import annotations

from typing import Any

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration

from talk2dino_ros.ros.tf.lookup import WaitingLookup

REPORT_EVERY_S = 10.0  # a broken publisher repeats itself with each message
BACK = Duration(seconds=-1)  # as tf2's buffer


class TransformsListener(WaitingLookup):
    """Transform lookup fed by the node's executor."""

    def __init__(self, node: Any) -> None:
        super().__init__()
        self._node = node
        threshold = JumpThreshold(min_forward=None, min_backward=BACK, on_clock_change=True)
        self._jumps = node.get_clock().create_jump_callback(threshold, post_callback=self.on_jump)

    def on_jump(self, _jump: Any) -> None:
        """Clear the transforms after a jump back of the clock."""
        self._node.get_logger().warning("The clock went back or is another one: what /tf said before is forgotten.")
        self.clear()

    def report(self, sentence: str) -> None:
        """Log that something on /tf or /tf_static was dropped."""
        self._node.get_logger().warning(sentence, throttle_duration_sec=REPORT_EVERY_S)

    def destroy(self) -> None:
        """Stop listening, and end the lookups that wait."""
        self.close()
        self._jumps.unregister()
