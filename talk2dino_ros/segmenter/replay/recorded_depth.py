# SPDX-License-Identifier: Apache-2.0
"""Depth, camera_info and transforms of a bag, for a pipeline that asks for those of an image's moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talk2dino_ros.ros.conversions.depth_messages import compressed_depth_to_metres
from talk2dino_ros.ros.conversions.image_pixels import check_image_pixels
from talk2dino_ros.ros.tf.lookup import HISTORY_S
from talk2dino_ros.ros.tf.recorded_transforms import RecordedTransforms
from talk2dino_ros.segmenter.depth_topics import (
    CAMERA_INFO,
    IMAGE,
    KEPT_DEPTHS,
    KEPT_INFOS,
    DepthTopics,
    StampedTopic,
)

if TYPE_CHECKING:
    from talk2dino_ros.ros.bags.bag_topics import CameraTopics


class RecordedTopic(StampedTopic):
    """A topic of a bag. name: "" where there is none, as which `what` is then spoken of.

    What has not been read when it is asked for never comes: nothing waits.
    """

    def __init__(self, name: str, what: str, expected_type: str, kept: int) -> None:
        super().__init__(name or what, expected_type, kept)
        self._is_there = bool(name)
        self.buffer.close()

    @property
    def is_published(self) -> bool:
        """Whether the bag has it."""
        return self._is_there

    def types(self) -> tuple[str, ...]:
        """Return what is expected: a bag's topics are chosen by their types, and compressed depth is read too."""
        return (self.expected_type,) if self._is_there else ()


class RecordedDepth(DepthTopics):
    """A bag's depth of one camera."""

    def __init__(self, topics: CameraTopics, *, is_compressed: bool, most_pixels: int) -> None:
        depths = RecordedTopic(topics.depth, "depth", IMAGE, KEPT_DEPTHS)
        infos = RecordedTopic(topics.info, "camera_info", CAMERA_INFO, KEPT_INFOS)
        depth_infos = RecordedTopic(topics.depth_info, "depth_camera_info", CAMERA_INFO, KEPT_INFOS)
        super().__init__(depths, infos, depth_infos)
        self._most_pixels = most_pixels
        self._is_compressed = is_compressed
        if is_compressed:
            self._to_metres = compressed_depth_to_metres

    def take(self, topic: str, message: Any) -> None:
        """Keep a message, if it is of one of the topics. Raises ImageError for one that declares too many pixels."""
        if topic == self._depths.name and not self._is_compressed:
            check_image_pixels(message, self._most_pixels)
        for each in self.topics:
            if each.name == topic:
                each.take(message)

    def hold(self, stamp_ns: int) -> None:
        """Keep what lies next to an image that waits for its turn, until `let_go`."""
        for topic in self.topics:
            topic.buffer.pin(stamp_ns, f"waiting {stamp_ns}")

    def let_go(self, stamp_ns: int) -> None:
        """End what `hold` began."""
        for topic in self.topics:
            topic.buffer.unpin(f"waiting {stamp_ns}")


class BagTransforms(RecordedTransforms):
    """What a bag has said of TF, of as long as the node remembers; nothing waits for more."""

    source = "bag"

    def __init__(self) -> None:
        super().__init__(round(HISTORY_S * 1e9))
        self.close()

    def destroy(self) -> None:
        """Do nothing, as nothing is listened to."""
