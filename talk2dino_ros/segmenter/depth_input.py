# SPDX-License-Identifier: Apache-2.0
"""A camera's depth and camera_info, and which of them belong to an image: by stamp, never just the latest.

The executor's thread receives, the worker's asks; messages are decoded only once an image wants them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.subscription import SubscriptionEventCallbacks  # where it is defined has another name on Humble
from sensor_msgs.msg import CameraInfo, Image

from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.perception.space.stamped_buffer import StampedBuffer
from talk2dino_ros.perception.space.unmatched import Heard, why_unmatched
from talk2dino_ros.ros.conversions.depth_messages import camera_info_to_model, depth_image_to_metres
from talk2dino_ros.ros.conversions.image_pixels import check_image_pixels
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns
from talk2dino_ros.ros.node.qos import LATCHED, SENSOR_QUEUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy.node import Node

    from talk2dino_ros.segmenter.frames import SegmentedFrame
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters

KEPT_DEPTHS = 15  # half a second of most cameras: 9 MB at 640x480 in 16UC1, 124 MB at 1920x1080 in 32FC1
KEPT_INFOS = 100


class UnmatchedError(GeometryError):
    """An image has no depth or no camera_info; the message is the reason, for the points of interest."""


class DepthInput:
    """The topics `<name>/depth`, `<name>/camera_info` and, where depth has its own, `<name>/depth_camera_info`.

    Where the parameter camera_info_latest is set from the start, camera_info is heard also where it was published once
    and is kept for late joiners.
    """

    def __init__(self, node: Node, name: str, parameters: Parameters) -> None:
        prefix = f"{name}/" if name else ""
        self._node = node
        most = parameters.max_image_pixels
        self._depths = _Topic(
            node, Image, f"{prefix}depth", KEPT_DEPTHS, check=lambda depth: check_image_pixels(depth, most)
        )
        self._infos, self._depth_infos = (
            _Topic(node, CameraInfo, f"{prefix}{topic}", KEPT_INFOS, may_be_latched=parameters.camera_info_latest)
            for topic in ("camera_info", "depth_camera_info")
        )

    def start(self) -> None:
        """Subscribe."""
        for topic in (self._depths, self._infos, self._depth_infos):
            topic.start()

    def stop(self) -> None:
        """End the subscriptions and every wait; without effect where there are none."""
        for topic in (self._depths, self._infos, self._depth_infos):
            topic.stop()

    def pin(self, stamp_ns: int) -> None:
        """Keep what belongs to the image of this stamp, however long its segmentation takes."""
        for topic in (self._depths, self._infos, self._depth_infos):
            topic.buffer.pin(stamp_ns)

    @property
    def is_expected(self) -> bool:
        """Whether somebody publishes depth."""
        return self._depths.is_published

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
        metres = depth_image_to_metres(message)
        has_own = self._depth_infos.latest is not None
        own = self._model_of(self._depth_infos, frame.stamp_ns, parameters) if has_own else model
        return Depth(metres, own.for_image(metres.shape[1], metres.shape[0])).seen_by(model.for_image(width, height))

    def _model_of(self, topic: _Topic, stamp_ns: int, parameters: Parameters) -> CameraModel:
        newest = topic.latest if parameters.camera_info_latest else None
        return camera_info_to_model(newest or topic.of(stamp_ns, parameters), rectified=parameters.image_rectified)


class _Topic:
    """One topic's newest messages by stamp; check: refuses a message by a Talk2DinoError.

    may_be_latched: some publish it once and keep it for late joiners, others send it always and keep nothing. A
    subscription hears the one or the other, so it takes two, and the publisher's process warns of the other one.
    """

    def __init__(
        self,
        node: Node,
        message_type: type,
        topic: str,
        kept: int,
        *,
        may_be_latched: bool = False,
        check: Callable[[Any], None] | None = None,
    ) -> None:
        self.latest: Any = None
        self._count = 0
        self._node = node
        self._message_type = message_type
        self._topic = topic
        self.name = str(node.resolve_topic_name(topic))  # with remappings resolved
        self._check = check
        self.buffer: StampedBuffer[Any] = StampedBuffer(kept, f"message on {self.name}")
        self._may_be_latest = message_type is CameraInfo
        self._profiles = (SENSOR_QUEUE, LATCHED) if may_be_latched else (SENSOR_QUEUE,)
        self._subs: list[Any] = []

    @property
    def is_published(self) -> bool:
        """Whether anybody offers this topic."""
        return bool(self._node.count_publishers(self.name))

    def start(self) -> None:
        if not self._subs:
            self.buffer.open()
            take = (self._message_type, self._topic, self._receive)
            # rclpy would warn of what the one profile does not hear, though the other does
            quiet = SubscriptionEventCallbacks(incompatible_qos=lambda _event: None)
            self._subs = [
                self._node.create_subscription(*take, profile, event_callbacks=quiet) for profile in self._profiles
            ]

    def stop(self) -> None:
        while self._subs:
            self._node.destroy_subscription(self._subs.pop())
        self.buffer.close()

    def of(self, stamp_ns: int, parameters: Parameters) -> Any:
        """Return the message that belongs to an image; raise UnmatchedError where none does."""
        wait_s = parameters.depth_wait_s if self.is_published else 0.0
        slop_ns = round(parameters.depth_slop_s * 1e9)
        found = self.buffer.match(stamp_ns, slop_ns, wait_s)
        if found is None:
            raise UnmatchedError(why_unmatched(self._heard(), self.buffer.why_none(stamp_ns, slop_ns)))
        return found[0]

    def _heard(self) -> Heard:
        types = tuple(dict.fromkeys(each.topic_type for each in self._node.get_publishers_info_by_topic(self.name)))
        expected = f"sensor_msgs/msg/{self._message_type.__name__}"
        newest_ns = None if self.latest is None else stamp_to_ns(self.latest.header.stamp)
        return Heard(self.name, types, expected, self._count, newest_ns, self._may_be_latest)

    def _receive(self, message: Any) -> None:
        if self._check is not None:
            self._check(message)
        # what is kept for late joiners comes by both subscriptions
        self._count += not (self._may_be_latest and message == self.latest)
        self.buffer.put(stamp_to_ns(message.header.stamp), message)
        self.latest = message
