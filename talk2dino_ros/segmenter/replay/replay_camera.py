# SPDX-License-Identifier: Apache-2.0
"""One camera of a bag, in the place of `camera.Camera`: its images are the bag's, and results go into another bag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talk2dino_ros.ros.bags.bag_topics import COMPRESSED
from talk2dino_ros.ros.conversions import image_messages
from talk2dino_ros.ros.conversions.image_reader import ImageReader
from talk2dino_ros.ros.conversions.object_messages import objects_to_msg
from talk2dino_ros.ros.conversions.stamps import ns_to_stamp
from talk2dino_ros.ros.messages.message_classes import Header
from talk2dino_ros.segmenter.replay.recorded_depth import RecordedDepth
from talk2dino_ros.segmenter.statistics import CameraStatistics

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from talk2dino_ros.ros.bags.bag_topics import CameraTopics
    from talk2dino_ros.ros.bags.bag_writer import BagWriter
    from talk2dino_ros.segmenter.frames import Frame, SegmentedFrame
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
    from talk2dino_ros.segmenter.pipeline import ActiveConfiguration

NODE = "/talk2dino"
RESULTS = {
    "label_info": "vision_msgs/msg/LabelInfo",
    "mask": "sensor_msgs/msg/Image",
    "confidence": "sensor_msgs/msg/Image",
    "points_of_interest": "talk2dino_msgs/msg/PointOfInterestArray",
    "objects": "talk2dino_msgs/msg/TrackedObjectArray",
    "overlay": "sensor_msgs/msg/Image",
}


class NoFeatures:
    """Nobody listens to the features of a replay."""

    def is_due(self, _frame: Frame, _parameters: Parameters) -> bool:
        """Return False."""
        return False


class NoPresence:
    """Nobody asks a replay what is in view."""

    has_listener = False

    def publish(self, _frame: SegmentedFrame, _active: ActiveConfiguration) -> None:
        """Do nothing."""


class ReplayCamera:
    """What the pipeline asks of a camera; see `camera.Camera`.

    name: "" for the only one. node: whose topics the results have. types: of the bag's topics.
    recorded_ns: of the image in hand; its results are recorded then. images: how many were tried. masks, points,
    object_ids: what was written.
    """

    has_cloud_listener = False

    def __init__(
        self,
        name: str,
        topics: CameraTopics,
        types: Mapping[str, str],
        parameters: Parameters,
        writer: BagWriter,
        *,
        node: str = NODE,
        overlay: bool = False,
    ) -> None:
        self.name, self.topic, self.topics = name, topics.image, topics
        self.statistics = CameraStatistics(0.0)
        self.features, self.presence = NoFeatures(), NoPresence()
        self.has_overlay_listener = overlay
        self.depth_input = RecordedDepth(
            topics,
            is_compressed=types.get(topics.depth) == COMPRESSED,
            most_pixels=parameters.max_image_pixels,
        )
        self.recorded_ns = 0
        self.images = self.masks = self.points = 0
        self.object_ids: set[int] = set()
        self._reader = ImageReader(
            types[topics.image] == COMPRESSED, parameters.max_image_pixels, parameters.image_bits
        )
        self._writer = writer
        self._prefix = f"{node}/{name}/" if name else f"{node}/"
        for topic, kind in RESULTS.items():
            if overlay or topic != "overlay":
                writer.add_topic(f"{self._prefix}{topic}", kind, is_latched=topic == "label_info")

    def to_rgb(self, frame: Frame) -> NDArray[np.uint8]:
        """Convert a frame to uint8 [H, W, 3] RGB; raise ImageError where it is none, or declares too many pixels."""
        self._reader.check_size(frame.message)
        return self._reader.to_rgb(frame.message)

    def publish_mask(self, frame: Frame, mask: NDArray[np.uint8], confidence: NDArray[np.uint8]) -> None:
        """Write both arrays, uint8 [H, W], under the frame's own header."""
        self._write("mask", image_messages.mask_to_image(mask, header_of(frame)))
        self._write("confidence", image_messages.mask_to_image(confidence, header_of(frame)))
        self.masks += 1

    def publish_places(self, frame: SegmentedFrame, version: int) -> None:
        """Write points of interest and objects."""
        header = header_of(frame)
        self._write("points_of_interest", image_messages.points_to_msg(frame.points, header, version))
        self._write("objects", objects_to_msg(frame.objects, header.stamp, frame.positions_frame_id, version))
        self.points += len(frame.points)
        self.object_ids |= {each.id for each in frame.objects}

    def publish_overlay(self, frame: Frame, overlay: NDArray[np.uint8]) -> None:
        """Write the overlay, uint8 [H, W, 3] RGB."""
        self._write("overlay", image_messages.rgb_to_image(overlay, header_of(frame)))

    def publish_label_info(self, labels: Mapping[int, str], version: int, threshold: float | None) -> None:
        """Write which id means what."""
        self._write("label_info", image_messages.vocabulary_to_label_info(labels, version, threshold=threshold))

    def _write(self, topic: str, message: Any) -> None:
        self._writer.write(f"{self._prefix}{topic}", self.recorded_ns, message)


def header_of(frame: Frame) -> Any:
    """Return the frame's header: a bag's own has other classes than those that messages are made of."""
    return Header(stamp=ns_to_stamp(frame.stamp_ns), frame_id=frame.frame_id)
