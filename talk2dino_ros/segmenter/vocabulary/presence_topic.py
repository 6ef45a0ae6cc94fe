# SPDX-License-Identifier: Apache-2.0
"""Publisher of which classes are in view: only while someone listens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from talk2dino_msgs.msg import Presence as PresenceMsg
from talk2dino_msgs.msg import PresenceArray

from talk2dino_ros.perception.presence import not_looked_for, presences_of
from talk2dino_ros.ros.node.qos import RELIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rclpy.node import Node

    from talk2dino_ros.perception.presence import Presence
    from talk2dino_ros.segmenter.frames import Frame, SegmentedFrame
    from talk2dino_ros.segmenter.pipeline import ActiveConfiguration


class PresenceTopic:
    """`~/<camera>/presence` (reliable, depth 1)."""

    def __init__(self, node: Node, prefix: str) -> None:
        self._node = node
        self._pub = node.create_publisher(PresenceArray, f"{prefix}presence", RELIABLE)

    @property
    def has_listener(self) -> bool:
        """Whether the cosines of an image are to be kept for it."""
        return bool(self._pub.get_subscription_count() > 0)

    def publish(self, frame: SegmentedFrame, active: ActiveConfiguration) -> None:
        """Publish what an image shows, where its cosines were kept."""
        if frame.result.scores is None or not self.has_listener:
            return
        segmenter, seen = active.segmenter, {point.class_id for point in frame.points}
        background, scale = segmenter.options.background, segmenter.model.logit_scale
        self._publish(frame, active, presences_of(active.vocabulary, frame.result.scores, seen, background, scale))

    def publish_unseen(self, frame: Frame, active: ActiveConfiguration) -> None:
        """Publish that an image was not looked at."""
        if self.has_listener:
            self._publish(frame, active, not_looked_for(active.vocabulary, "not looked for: the segmenter is paused"))

    def destroy(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._pub)

    def _publish(self, frame: Frame, active: ActiveConfiguration, presences: Iterable[Presence]) -> None:
        version = active.vocabulary.version
        classes = [presence_to_msg(each) for each in presences]
        self._pub.publish(PresenceArray(header=frame.message.header, vocabulary_version=version, classes=classes))


def presence_to_msg(presence: Presence) -> PresenceMsg:
    """Make the message of one class."""
    return PresenceMsg(
        state=int(presence.state),
        class_name=presence.class_name,
        class_id=presence.class_id,
        reason=presence.reason,
        best_score=presence.best_score,
        threshold=math.nan if presence.threshold is None else presence.threshold,
        has_own_threshold=presence.has_own_threshold,
        evidence=presence.evidence,
    )
