# SPDX-License-Identifier: Apache-2.0
"""The depth and camera_info that belong to an image: by stamp, never just the latest. Pure.

depth_input.py brings what is published, replay/ what a bag has. Messages are decoded only once an image wants them.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.perception.space.stamped_buffer import StampedBuffer
from talk2dino_ros.perception.space.unmatched import Heard, why_unmatched
from talk2dino_ros.ros.conversions.depth_messages import camera_info_to_model, depth_image_to_metres
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from talk2dino_ros.segmenter.frames import SegmentedFrame
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters

KEPT_DEPTHS = 15  # half a second of most cameras: 9 MB at 640x480 in 16UC1, 124 MB at 1920x1080 in 32FC1
KEPT_INFOS = 100
IMAGE, CAMERA_INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"


class UnmatchedError(GeometryError):
    """An image has no depth or no camera_info; the message is the reason, for the points of interest."""


class StampedTopic(ABC):
    """One topic's newest messages by stamp. expected_type: such as sensor_msgs/msg/Image."""

    def __init__(self, name: str, expected_type: str, kept: int) -> None:
        self.name = name
        self.latest: Any = None
        self.buffer: StampedBuffer[Any] = StampedBuffer(kept, f"message on {name}")
        self.expected_type = expected_type
        self._may_be_latest = expected_type == CAMERA_INFO
        self._count = self._count_at_start = 0

    @property
    def has_come(self) -> bool:
        """Whether a message has come since the start."""
        return self._count > self._count_at_start

    @property
    @abstractmethod
    def is_published(self) -> bool:
        """Whether anybody offers this topic."""

    @abstractmethod
    def types(self) -> tuple[str, ...]:
        """Return the types of what is offered."""

    def take(self, message: Any) -> None:
        """Keep a message."""
        # what is kept for late joiners comes by both subscriptions
        self._count += not (self._may_be_latest and message == self.latest)
        self.buffer.put(stamp_to_ns(message.header.stamp), message)
        self.latest = message

    def of(self, stamp_ns: int, parameters: Parameters) -> Any:
        """Return the message that belongs to an image; raise UnmatchedError where none does."""
        wait_s = parameters.depth_wait_s if self.is_published else 0.0
        slop_ns = round(parameters.depth_slop_s * 1e9)
        found = self.buffer.match(stamp_ns, slop_ns, wait_s)
        if found is None:
            raise UnmatchedError(why_unmatched(self._heard(), self.buffer.why_none(stamp_ns, slop_ns)))
        return found[0]

    def _heard(self) -> Heard:
        newest_ns = None if self.latest is None else stamp_to_ns(self.latest.header.stamp)
        return Heard(self.name, self.types(), self.expected_type, self._count, newest_ns, self._may_be_latest)


class DepthTopics:
    """Depth, the image's camera_info, and the depth's own where it has one, of one camera."""

    def __init__(self, depths: StampedTopic, infos: StampedTopic, depth_infos: StampedTopic) -> None:
        self._depths, self._infos, self._depth_infos = depths, infos, depth_infos
        self._to_metres: Callable[[Any], NDArray[np.float32]] = depth_image_to_metres

    @property
    def topics(self) -> tuple[StampedTopic, StampedTopic, StampedTopic]:
        """Depth, camera_info, and the depth's own camera_info."""
        return self._depths, self._infos, self._depth_infos

    def pin(self, stamp_ns: int) -> None:
        """Keep what belongs to the image of this stamp, however long its segmentation takes."""
        for topic in self.topics:
            topic.buffer.pin(stamp_ns)

    @property
    def topic(self) -> str:
        """The topic of the depth."""
        return self._depths.name

    def nearest(self, stamp_ns: int) -> list[tuple[str, str, Any]]:
        """Return name, type and message of what lies next to a stamp, however far, of each topic that has any."""
        found = [(topic, topic.buffer.match(stamp_ns, sys.maxsize)) for topic in self.topics]
        kept = [(topic, topic.latest if match is None else match[0]) for topic, match in found]
        return [(topic.name, topic.expected_type, message) for topic, message in kept if message is not None]

    @property
    def is_expected(self) -> bool:
        """Whether somebody publishes depth, or did since the start."""
        return self._depths.is_published or self._depths.has_come

    def depth_of(self, frame: SegmentedFrame, parameters: Parameters) -> Depth:
        """Return the depth at each pixel of a decoded frame.

        Waits up to depth_wait_s for what is published and late. Raises GeometryError, one sentence: there is none,
        it is too far off in time, in another frame, or no camera could have made it.
        """
        message = self._depths.of(frame.stamp_ns, parameters)
        if message.header.frame_id.lstrip("/") != frame.frame_id.lstrip("/"):  # TF's names have no slash any more
            raise UnmatchedError(
                f"the depth on {self._depths.name} is in frame {shorten(message.header.frame_id)} and the image in "
                f"{shorten(frame.frame_id)}, expected depth registered to the image; remap `depth` to the camera's "
                "aligned depth"
            )
        height, width = frame.size
        model = self._model_of(self._infos, frame.stamp_ns, parameters)
        metres = self._to_metres(message)
        has_own = self._depth_infos.latest is not None
        own = self._model_of(self._depth_infos, frame.stamp_ns, parameters) if has_own else model
        return Depth(metres, own.for_image(metres.shape[1], metres.shape[0])).seen_by(model.for_image(width, height))

    def _model_of(self, topic: StampedTopic, stamp_ns: int, parameters: Parameters) -> CameraModel:
        newest = topic.latest if parameters.camera_info_latest else None
        return camera_info_to_model(newest or topic.of(stamp_ns, parameters), rectified=parameters.image_rectified)
