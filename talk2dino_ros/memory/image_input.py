# SPDX-License-Identifier: Apache-2.0
"""Images on their way into the memory: patch features of the cameras, and the localisation beside them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.qos import QoSProfile
from talk2dino_msgs.msg import PatchFeatures

from talk2dino_ros.engine.errors import ImageError, Talk2DinoError
from talk2dino_ros.memory.memory_alarms import of_odometry
from talk2dino_ros.memory.memory_messages import check_position, kind_of_features, pose_to_sensor_pose, to_seen_image
from talk2dino_ros.perception.memory.disk.keyframe_store import StoreWriteError
from talk2dino_ros.perception.memory.disk.store_lock import StoreError
from talk2dino_ros.perception.memory.image_gate import ImageGate, RejectedImageError
from talk2dino_ros.perception.memory.keyframe import KeyframeChoice
from talk2dino_ros.perception.memory.sensor_pose import PoseError
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns
from talk2dino_ros.ros.node.problems import ProblemLog

if TYPE_CHECKING:
    from talk2dino_ros.memory.memory_parameters import MemoryParameters
    from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory

FEATURES = QoSProfile(depth=10)  # they come seldom, each may be the only one of its place, and a rebuild takes seconds
# Errors by the reason that /diagnostics counts them under, the narrower ones first.
REASONS = (
    (StoreWriteError, "cannot be written"),
    (StoreError, "other features"),
    (PoseError, "no pose"),
    (ImageError, "no good message"),
)


class ImageInput:
    """Take images into a memory while the node is active.

    settings: returns the node's parameters. gate: counts the rejected ones. failure: why the newest image could not be
    remembered, or "", and reason what it is counted by. last_heard_s: when the features of each topic came last, or
    were first listened to, on the steady clock. last_write_s: when the last one was, on time's clock; None before.
    """

    def __init__(self, node: Any, memory: SpatialMemory, settings: Callable[[], MemoryParameters]) -> None:
        self._node = node
        self._memory = memory
        self._settings = settings
        self._log = ProblemLog(node.get_logger())
        self._subscriptions: list[Any] = []
        self.gate = ImageGate(settings().max_position_std_m, settings().max_speed_mps)
        self.choice = KeyframeChoice(settings().keyframe_distance_m, settings().keyframe_angle_deg)
        self.failure = self.reason = ""
        self.last_heard_s: dict[str, float] = {}
        self.last_write_s: float | None = None
        self._has_warned_of_frame = False

    def adopt(self, settings: MemoryParameters) -> None:
        """Take changed parameters."""
        self.gate.max_position_std_m, self.gate.max_speed_mps = settings.max_position_std_m, settings.max_speed_mps
        self.choice.distance_m, self.choice.angle_deg = settings.keyframe_distance_m, settings.keyframe_angle_deg

    def start(self) -> None:
        """Listen."""
        self._warn_of_frame()
        settings, node = self._settings(), self._node
        for camera in settings.cameras:
            topic = "/".join(filter(None, (settings.segmenter, camera, "patch_features")))
            name = str(node.resolve_topic_name(topic))
            self.last_heard_s[name] = time.monotonic()
            self._subscriptions.append(
                node.create_subscription(PatchFeatures, topic, self._taking_from(camera, name), FEATURES)
            )
        if settings.pose_topic:
            pose = node.create_subscription(PoseWithCovarianceStamped, settings.pose_topic, self._on_pose, 10)
            self._subscriptions.append(pose)

    def stop(self) -> None:
        """Stop listening."""
        self.last_heard_s.clear()
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop())

    def _taking_from(self, camera: str, topic: str) -> Callable[[Any], None]:
        def on_features(msg: Any) -> None:
            self.last_heard_s[topic] = time.monotonic()
            try:
                self._take(msg, camera)
            except Talk2DinoError as error:
                self._reject(error, camera)

        return on_features

    def _take(self, msg: Any, camera: str) -> None:
        check_position(msg)
        stamp_ns, pose = stamp_to_ns(msg.header.stamp), pose_to_sensor_pose(msg.sensor_pose)
        self.gate.check_motion(camera, stamp_ns, pose)
        if self._settings().pose_topic:
            self.gate.check_localisation(stamp_ns)
        kind = kind_of_features(msg)
        self._memory.store.check_kind(kind)
        if not self.choice.is_new(camera, stamp_ns, pose):
            self.failure = self.reason = ""
            return
        self._memory.remember(to_seen_image(msg, msg.header.frame_id, pose), kind)
        self.choice.took(camera, stamp_ns, pose)
        self.failure = self.reason = ""
        self.last_write_s = time.time()
        self._warn_of_frame()

    def _warn_of_frame(self) -> None:
        kind = self._memory.store.kind
        alarm = of_odometry(kind.frame if kind else "")
        if alarm is not None and not self._has_warned_of_frame:
            self._node.get_logger().warning(alarm.text)
            self._has_warned_of_frame = True

    def _reject(self, error: Talk2DinoError, camera: str) -> None:
        reason = next((name for kind, name in REASONS if isinstance(error, kind)), "other")
        if not isinstance(error, RejectedImageError):
            error = RejectedImageError(reason, str(error))
        self.gate.reject(error)
        self.failure, self.reason = str(error), error.reason
        self._log.report(f"an image of camera '{camera}' was not remembered", error)

    def _on_pose(self, msg: Any) -> None:
        self.gate.set_covariance(stamp_to_ns(msg.header.stamp), list(msg.pose.covariance))
