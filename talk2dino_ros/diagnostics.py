# SPDX-License-Identifier: Apache-2.0
"""/diagnostics: what the node does, how fast, and what is wrong with which remedy."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from talk2dino_ros.conversions import diagnostics_to_msg

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.camera import Camera
    from talk2dino_ros.stream import Stream

PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")


class Diagnostics:
    """Publish one status for the model and one per camera, and log once where a camera falls silent."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._pub = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._silent: set[str] = set()

    def publish(self, stream: Stream) -> None:
        """Publish the state of a stream."""
        now_s = time.monotonic()
        arrays = [self._model_status(stream)]
        arrays += [self._camera_status(camera, stream, now_s) for camera in stream.cameras.values()]
        for array in arrays[1:]:
            arrays[0].status += array.status
        self._pub.publish(arrays[0])

    def _model_status(self, stream: Stream) -> DiagnosticArray:
        in_force = stream.in_force
        errors = [camera.statistics.last_error for camera in stream.cameras.values()]
        values = {
            "model": in_force.segmenter.model.name,
            "device": in_force.segmenter.device,
            "precision": in_force.segmenter.precision,
            "vocabulary size": len(in_force.vocabulary.classes),
            "vocabulary version": in_force.vocabulary.version,
            "enabled": stream.is_enabled,
            "last error": next(filter(None, errors), ""),
        }
        return self._array("model", DiagnosticStatus.OK, _activity(stream), values, stream)

    def _camera_status(self, camera: Camera, stream: Stream, now_s: float) -> DiagnosticArray:
        level, message = self._camera_health(camera, stream, now_s)
        statistics = camera.statistics
        images_per_s, masks_per_s = statistics.rates(now_s)
        median_s, p99_s = statistics.latencies_s()
        values = {
            "image topic": camera.topic,
            "images per second": f"{images_per_s:.2f}",
            "masks per second": f"{masks_per_s:.2f}",
            "images received": statistics.received,
            "masks published": statistics.published,
            "images dropped": stream.slots.dropped(camera.name),
            "wrong images": statistics.wrong,
            "latency p50 [ms]": f"{median_s * 1e3:.1f}",
            "latency p99 [ms]": f"{p99_s * 1e3:.1f}",
            "latency from": statistics.latency_from,
            "last error": statistics.last_error,
        }
        return self._array(f"camera {camera.name}".strip(), level, message, values, stream)

    def _camera_health(self, camera: Camera, stream: Stream, now_s: float) -> tuple[bytes, str]:
        silence_s = now_s - camera.statistics.last_received_s
        is_silent = camera.is_streaming and silence_s > stream.in_force.parameters.image_timeout_s
        if not is_silent:
            self._silent.discard(camera.name)
        if camera.statistics.is_failing:
            return DiagnosticStatus.ERROR, camera.statistics.last_error
        if is_silent:
            message = _silence(camera, silence_s)
            self._log_once(camera.name, message)
            return DiagnosticStatus.WARN, message
        return DiagnosticStatus.OK, _activity(stream)

    def _log_once(self, camera_name: str, message: str) -> None:
        if camera_name not in self._silent:
            self._silent.add(camera_name)
            self._node.get_logger().warning(message)

    def _array(
        self, part: str, level: bytes, message: str, values: dict[str, object], stream: Stream
    ) -> DiagnosticArray:
        return diagnostics_to_msg(
            f"{self._node.get_fully_qualified_name().lstrip('/')}: {part}",
            level,
            message,
            values,
            stamp=self._node.get_clock().now().to_msg(),
            hardware_id=stream.in_force.segmenter.device,
        )


def _activity(stream: Stream) -> str:
    if not any(camera.is_streaming for camera in stream.cameras.values()):
        return "inactive"
    return "segmenting" if stream.is_enabled else "paused"


def _silence(camera: Camera, silence_s: float) -> str:
    what = f"no image on {camera.topic} for {silence_s:.0f} s"
    publishers = camera.publisher_count()
    if publishers == 0:
        return f"{what}, as nobody publishes there; start the camera or remap the topic (-r image:=<its topic>)"
    return f"{what} from {publishers} publishers there; {_transport_remedy(camera)}"


def _transport_remedy(camera: Camera) -> str:
    compare = f"compare type and QoS with `ros2 topic info -v {camera.topic}`"
    if any(os.environ.get(variable) for variable in PROFILE_VARIABLES):
        return f"{compare}, and start the camera's driver with the same Fast DDS profile as this node"
    return (
        f"{compare}, and set {PROFILE_VARIABLES[0]} to this package's config/fastdds.xml where the camera's driver "
        "starts, as Fast DDS loses large images without it"
    )
