# SPDX-License-Identifier: Apache-2.0
"""One camera's topics: subscribe to images, publish the results."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.subscription import SubscriptionEventCallbacks  # where it is defined has another name on Humble
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from talk2dino_msgs.msg import PointOfInterestArray, TrackedObjectArray
from vision_msgs.msg import Detection2DArray, Detection3DArray
from visualization_msgs.msg import MarkerArray

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.ros.conversions import image_messages
from talk2dino_ros.ros.conversions.encodings import bits_hint
from talk2dino_ros.ros.conversions.image_reader import ImageReader
from talk2dino_ros.ros.conversions.object_messages import objects_to_msg
from talk2dino_ros.ros.conversions.place_messages import (
    labelled_cloud,
    points_to_detections_2d,
    points_to_detections_3d,
)
from talk2dino_ros.ros.node.message_guard import MessageError
from talk2dino_ros.ros.node.problems import Throttle
from talk2dino_ros.ros.node.qos import RELIABLE, SENSOR_DATA
from talk2dino_ros.segmenter.depth_input import DepthInput
from talk2dino_ros.segmenter.feature_topic import FeatureTopic
from talk2dino_ros.segmenter.frames import Frame, SegmentedFrame
from talk2dino_ros.segmenter.label_topics import LabelTopics
from talk2dino_ros.segmenter.statistics import CameraStatistics
from talk2dino_ros.segmenter.transport.transport_check import TransportWatch
from talk2dino_ros.segmenter.vocabulary.presence_topic import PresenceTopic

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from talk2dino_ros.ros.node.managed_node import ManagedNode
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters

HINT_PERIOD_S = 60.0


class Camera:
    """The topics of one camera, its statistics, and nothing of the model.

    Publishers: mask, confidence, cloud and label_info of label_topics.py, points_of_interest, objects (reliable,
    depth 1), and for those who listen markers, detections_2d, detections_3d (reliable), overlay (sensor data),
    patch_features of feature_topic.py and presence of presence_topic.py, all under `~/<name>/`. They are plain
    publishers, no lifecycle ones: label_info must go out before the node is active.
    Subscriptions, while streaming: `<name>/image`, and those of depth_input.py.
    """

    def __init__(self, node: ManagedNode, name: str, parameters: Parameters) -> None:
        self.name = name
        # the image topic with remappings resolved: kept, as a frame may fail when the node is gone already
        self.topic = str(node.resolve_topic_name(f"{name}/image" if name else "image"))
        self.statistics = CameraStatistics(time.monotonic())
        self._node = node
        self._reader = ImageReader(
            parameters.compressed, parameters.max_image_pixels, parameters.image_bits, self._note_peak
        )
        self._image_type = CompressedImage if parameters.compressed else Image
        self._parameters = parameters
        self._hints = Throttle(HINT_PERIOD_S)
        self.image_qos = RELIABLE if parameters.image_reliability == "reliable" else SENSOR_DATA
        self.image_size: tuple[int, str] | None = None  # bytes and shape of the last image
        self._image_sub: Any = None
        self._last_stamp_ns = 0
        self._has_gone_back = False
        prefix = f"~/{name}/" if name else "~/"
        self._label_topics = LabelTopics(node, prefix, parameters.new_reader_pause_s)
        self._points_pub = node.create_publisher(PointOfInterestArray, f"{prefix}points_of_interest", RELIABLE)
        self._objects_pub = node.create_publisher(TrackedObjectArray, f"{prefix}objects", RELIABLE)
        self._detections_2d_pub = node.create_publisher(Detection2DArray, f"{prefix}detections_2d", RELIABLE)
        self._detections_3d_pub = node.create_publisher(Detection3DArray, f"{prefix}detections_3d", RELIABLE)
        self._markers_pub = node.create_publisher(MarkerArray, f"{prefix}markers", RELIABLE)
        self._overlay_pub = node.create_publisher(Image, f"{prefix}overlay", SENSOR_DATA)
        self.features = FeatureTopic(node, prefix)
        self.presence = PresenceTopic(node, prefix)
        self.depth_input = DepthInput(node, name, parameters)
        self.transport = TransportWatch(node, self)

    @property
    def message_type(self) -> str:
        """The type of the images that are subscribed to, such as sensor_msgs/msg/Image."""
        return f"sensor_msgs/msg/{self._image_type.__name__}"

    @property
    def most_pixels(self) -> int:
        """The parameter max_image_pixels."""
        return self._parameters.max_image_pixels

    @property
    def is_streaming(self) -> bool:
        """Whether images are subscribed to."""
        return self._image_sub is not None

    def start(self, on_frame: Callable[[Frame], None]) -> None:
        """Subscribe to the images; `on_frame` gets each of them in the executor's thread."""

        def on_image(image: Any) -> None:
            now_s = time.monotonic()
            self.statistics.on_received(now_s)
            self._reader.check_size(image)  # before anything is kept or allocated
            on_frame(Frame(self.name, image, now_s))
            self.image_size = len(image.data), _shape(image)

        self.statistics.last_received_s = time.monotonic()
        topic = f"{self.name}/image" if self.name else "image"
        self.depth_input.start()
        take = partial(
            self._node.create_subscription,
            self._image_type,
            topic,
            on_image,
            self.image_qos,
            on_refused=self._on_refused,
        )
        lost = SubscriptionEventCallbacks(message_lost=lambda event: self.statistics.on_lost(event.total_count_change))
        try:
            self._image_sub = take(event_callbacks=lost)
        except RuntimeError:  # rclpy's UnsupportedEventTypeError, of a middleware that does not count them
            self._image_sub = take()

    def stop(self) -> None:
        """End the subscription; without effect where there is none."""
        if self._image_sub is not None:
            self._node.destroy_subscription(self._image_sub)
            self._image_sub = None
        self.depth_input.stop()
        self.transport.stop()

    def destroy(self) -> None:
        """End everything."""
        self.stop()
        self._label_topics.destroy()
        self.features.destroy()
        self.presence.destroy()
        for publisher in (
            self._points_pub,
            self._objects_pub,
            self._detections_2d_pub,
            self._detections_3d_pub,
            self._markers_pub,
            self._overlay_pub,
        ):
            self._node.destroy_publisher(publisher)

    def to_rgb(self, frame: Frame) -> NDArray[np.uint8]:
        """Convert a frame to uint8 [H, W, 3] RGB; raise ImageError where it is none."""
        self._note_time_going_back(frame.stamp_ns)
        return self._reader.to_rgb(frame.message)

    def size_of(self, frame: Frame) -> tuple[int, int]:
        """Return height and width of a frame without converting it; raise ImageError where it is none."""
        return self._reader.size_of(frame.message)

    def _on_refused(self, error: Talk2DinoError) -> None:
        """Count an image that is none: a camera that sends such ones is not silent."""
        if isinstance(error, MessageError):
            self.statistics.on_received(time.monotonic())
        self.statistics.on_wrong(str(error))

    def _note_peak(self, peak: int) -> None:
        hint = bits_hint(peak, self._parameters.image_bits)
        if hint and self._hints.allows(hint, time.monotonic()):
            self._node.get_logger().warning(f"{self.topic}: {hint}")

    def publish_mask(self, frame: Frame, mask: NDArray[np.uint8], confidence: NDArray[np.uint8]) -> None:
        """Publish both arrays, uint8 [H, W], under the frame's own header, unless a reader is too new."""
        header = frame.message.header
        images = {"mask": mask, "confidence": confidence}
        if not self._label_topics.publish(
            **{topic: image_messages.mask_to_image(array, header) for topic, array in images.items()}
        ):
            self.statistics.on_held_back(time.monotonic())
            return
        now_s = time.monotonic()
        since_stamp_ns = self._node.get_clock().now().nanoseconds - frame.stamp_ns
        self.statistics.on_published(now_s, since_stamp_ns * 1e-9, now_s - frame.received_s)

    def publish_places(self, frame: SegmentedFrame, version: int) -> None:
        """Publish points of interest and objects, and for those who listen the same as detections and markers.

        version: of the vocabulary that the frame was segmented with.
        """
        header = frame.message.header
        self._points_pub.publish(image_messages.points_to_msg(frame.points, header, version))
        self._objects_pub.publish(objects_to_msg(frame.objects, header.stamp, frame.positions_frame_id, version))
        if self._detections_2d_pub.get_subscription_count() > 0:
            self._detections_2d_pub.publish(points_to_detections_2d(frame.points, header))
        in_space = Header(stamp=header.stamp, frame_id=frame.positions_frame_id)
        if self._detections_3d_pub.get_subscription_count() > 0:
            self._detections_3d_pub.publish(points_to_detections_3d(frame.points, in_space))
        if self._markers_pub.get_subscription_count() > 0:
            self._markers_pub.publish(image_messages.points_to_markers(frame.points, header))

    def publish_cloud(
        self, frame: Frame, points: NDArray[np.float32], rgb: NDArray[np.uint8], class_ids: NDArray[np.uint8]
    ) -> None:
        """Publish points [H, W, 3] in metres with the colours [H, W, 3] and class ids [H, W] of their pixels.

        Not while a reader is too new.
        """
        self._label_topics.publish(cloud=labelled_cloud(points, rgb, class_ids, frame.message.header))

    def publish_overlay(self, frame: Frame, overlay: NDArray[np.uint8]) -> None:
        """Publish the overlay, uint8 [H, W, 3] RGB."""
        self._overlay_pub.publish(image_messages.rgb_to_image(overlay, frame.message.header))

    def publish_label_info(self, labels: Mapping[int, str], version: int, threshold: float | None) -> None:
        """Publish which id means what; who comes later gets the newest."""
        label_info = image_messages.vocabulary_to_label_info(labels, version, threshold=threshold)
        self._label_topics.publish_label_info(label_info)

    @property
    def has_overlay_listener(self) -> bool:
        """Whether an overlay would be seen by anyone."""
        return bool(self._overlay_pub.get_subscription_count() > 0)

    @property
    def has_cloud_listener(self) -> bool:
        """Whether a cloud would be seen by anyone."""
        return self._label_topics.has_reader("cloud")

    def _note_time_going_back(self, stamp_ns: int) -> None:
        if stamp_ns < self._last_stamp_ns and not self._has_gone_back:
            self._has_gone_back = True
            self._node.get_logger().info(
                f"the stamps on {self.topic} went back (a bag that loops?); all images are segmented as before"
            )
        self._last_stamp_ns = stamp_ns


def _shape(image: Any) -> str:
    """Say what an image is made of: "640x480 rgb8", or the format of a compressed one."""
    if isinstance(image, Image):
        return f"{image.width}x{image.height} {image.encoding[:40]}"
    return f"format {shorten(image.format)}"
