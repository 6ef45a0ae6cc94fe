# SPDX-License-Identifier: Apache-2.0
"""Client node of the demo: set vocabularies and collect the segmenter's results."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import rclpy
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from rclpy.time import Time
from sensor_msgs.msg import Image
from talk2dino_msgs.msg import PointOfInterestArray
from talk2dino_msgs.srv import SetVocabulary
from vision_msgs.msg import LabelInfo

from talk2dino_ros.demo.processes import DemoError
from talk2dino_ros.ros.conversions.image_pixels import image_to_rgb

SEGMENTER = "talk2dino"
CAMERA = "photo_camera"
ANSWER_TIMEOUT_S = 60.0
OPEN_DETECTIONS = 50  # images of which something may still come; best-effort topics lose some for good


@dataclass
class DemoResult:
    """Messages received for one image; complete when `missing` is empty."""

    photo: str
    latency_ms: float | None = None  # camera stamp to mask received
    mask: Image | None = None
    confidence: Image | None = None
    overlay: npt.NDArray[np.uint8] | None = None  # [H, W, 3] RGB
    points: PointOfInterestArray | None = None

    def missing(self) -> list[str]:
        """Name the topics of which nothing came yet."""
        wanted = {"mask": self.mask, "confidence": self.confidence, "overlay": self.overlay}
        return [name for name, value in {**wanted, "points_of_interest": self.points}.items() if value is None]


@dataclass
class Round:
    """One vocabulary: the service's answer, and per photograph the first image of which everything arrived."""

    classes: list[str]
    reply: Any
    complete: dict[str, DemoResult] = field(default_factory=dict)


class DemoClient(Node):
    """Calls set_vocabulary and listens to mask, confidence, label_info, overlay and points_of_interest."""

    def __init__(self, namespace: str) -> None:
        super().__init__("demo_client", namespace=namespace)
        self._open: dict[int, DemoResult] = {}
        self._complete: dict[tuple[int, str], DemoResult] = {}
        self.label_info_versions: set[int] = set()
        self._set_vocabulary = self.create_client(SetVocabulary, f"{SEGMENTER}/set_vocabulary")
        self._camera = self.create_client(SetParameters, f"{CAMERA}/set_parameters")
        latched = QoSProfile(depth=5, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        for name, kind, qos, callback in (
            ("mask", Image, qos_profile_sensor_data, self._on_mask),
            ("confidence", Image, qos_profile_sensor_data, self._on_confidence),
            ("overlay", Image, qos_profile_sensor_data, self._on_overlay),
            ("points_of_interest", PointOfInterestArray, QoSProfile(depth=10), self._on_points),
            ("label_info", LabelInfo, latched, self._on_label_info),
        ):
            self.create_subscription(kind, f"{SEGMENTER}/{name}", callback, qos)

    def is_ready(self) -> bool:
        """Tell whether the camera answers and the segmenter has loaded its model, as its first label_info says."""
        services_are_ready = self._set_vocabulary.service_is_ready() and self._camera.service_is_ready()
        return bool(services_are_ready and self.label_info_versions)

    def set_vocabulary(self, classes: list[str]) -> Any:
        """Ask for classes and return the service's answer; raise DemoError where it is a refusal or none comes."""
        request = SetVocabulary.Request(classes=classes)
        reply = self._answer("set_vocabulary", self._set_vocabulary.call_async(request))
        if not reply.success:
            raise DemoError(f"set_vocabulary was refused: {reply.message}")
        return reply

    def show(self, photo: str) -> None:
        """Tell the camera which photograph to show."""
        request = SetParameters.Request(parameters=[Parameter("photo", value=photo).to_parameter_msg()])
        self._answer("the camera", self._camera.call_async(request))

    def _answer(self, who: str, future: Any) -> Any:
        rclpy.spin_until_future_complete(self, future, timeout_sec=ANSWER_TIMEOUT_S)
        if future.result() is None:
            raise DemoError(f"{who} gave no answer in {ANSWER_TIMEOUT_S:g} s; see the logs above")
        return future.result()

    def completed(self, version: int) -> dict[str, DemoResult]:
        """Return the first complete image of each photograph under this vocabulary."""
        return {photo: result for (of, photo), result in self._complete.items() if of == version}

    def _keep(self, message: Any, **parts: Any) -> None:
        """Store a message under its image's stamp; mark the image complete when nothing is missing."""
        key = Time.from_msg(message.header.stamp).nanoseconds
        result = self._open.setdefault(key, DemoResult(message.header.frame_id))
        for name, value in parts.items():
            setattr(result, name, value)
        if result.points is not None and not result.missing():
            self._complete.setdefault((result.points.vocabulary_version, result.photo), result)
            del self._open[key]
        while len(self._open) > OPEN_DETECTIONS:
            del self._open[min(self._open)]

    def _on_mask(self, message: Image) -> None:
        age = self.get_clock().now() - Time.from_msg(message.header.stamp)
        self._keep(message, mask=message, latency_ms=age.nanoseconds / 1e6)

    def _on_confidence(self, message: Image) -> None:
        self._keep(message, confidence=message)

    def _on_overlay(self, message: Image) -> None:
        self._keep(message, overlay=image_to_rgb(message))

    def _on_points(self, message: PointOfInterestArray) -> None:
        self._keep(message, points=message)

    def _on_label_info(self, message: LabelInfo) -> None:
        self.label_info_versions.add(Time.from_msg(message.header.stamp).nanoseconds)
