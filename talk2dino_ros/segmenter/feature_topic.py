# SPDX-License-Identifier: Apache-2.0
"""Publisher of what the image encoder saw, patch by patch: only while someone listens, and seldom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from talk2dino_msgs.msg import PatchFeatures

from talk2dino_ros.ros.conversions.feature_messages import describe_image, describe_places, patches_to_msg
from talk2dino_ros.ros.node.qos import RELIABLE

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.engine.inference.image_patches import ImagePatches
    from talk2dino_ros.perception.patch_places import PatchPlaces
    from talk2dino_ros.segmenter.frames import Frame, SegmentedFrame
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters


class FeatureTopic:
    """`~/<camera>/patch_features` (reliable, depth 1), at most `features_rate_hz` times a second.

    Whether a frame's are due is asked before it is segmented: what nobody wants is not taken off the device.
    """

    def __init__(self, node: Node, prefix: str) -> None:
        self._node = node
        self._pub = node.create_publisher(PatchFeatures, f"{prefix}patch_features", RELIABLE)
        self._last_s = -math.inf

    def is_due(self, frame: Frame, parameters: Parameters) -> bool:
        """Whether the patches of a frame that was just received are to be published."""
        rate_hz = parameters.features_rate_hz
        if not rate_hz or (frame.received_s - self._last_s) * rate_hz < 1:
            return False
        return bool(self._pub.get_subscription_count() > 0)

    def publish(
        self, frame: SegmentedFrame, patches: ImagePatches, places: PatchPlaces, segmenter: Segmenter, encoding: str
    ) -> None:
        """Publish the patches of a segmented frame, under the image's own header."""
        self._last_s = frame.received_s
        message = patches_to_msg(patches, encoding)
        message.model, message.feature_space = segmenter.model.name, segmenter.feature_space
        describe_image(message, frame.message.header, frame.rgb)
        describe_places(message, places)
        self._pub.publish(message)

    def destroy(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._pub)
