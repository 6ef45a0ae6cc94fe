# SPDX-License-Identifier: Apache-2.0
"""Statuses for /diagnostics: state, rates, latencies, and what is wrong with its remedy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus

from talk2dino_ros.ros.conversions.image_messages import diagnostic_status

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.segmenter.camera import Camera
    from talk2dino_ros.segmenter.pipeline import Pipeline
    from talk2dino_ros.segmenter.transport.transport_check import TransportCheck


class Diagnostics:
    """Make one status for the model and one per camera; check the transport of silent cameras on the way."""

    def __init__(self, node: Node, transport_check: TransportCheck) -> None:
        self._node = node
        self._transport_check = transport_check

    def statuses(self, pipeline: Pipeline) -> list[DiagnosticStatus]:
        """Return the statuses of a pipeline, the model's first."""
        now_s = time.monotonic()
        cameras = [self._camera_status(camera, pipeline, now_s) for camera in pipeline.cameras.values()]
        return [self._model_status(pipeline), *cameras]

    def _model_status(self, pipeline: Pipeline) -> DiagnosticStatus:
        active = pipeline.active
        networks = active.segmenter.networks
        errors = [camera.statistics.last_error for camera in pipeline.cameras.values()]
        values = {
            "model": active.segmenter.model.name,
            "device": active.segmenter.device,
            "backend": f"{networks.backend}: {networks.backend_reason}",
            "precision": active.segmenter.precision,
            "self-check": active.self_check,
            "PAMR computed by": active.segmenter.prepare_refinement(),
            "vocabulary size": len(active.vocabulary.classes),
            "vocabulary version": active.vocabulary.version,
            "enabled": pipeline.is_enabled,
            "last error": next(filter(None, errors), ""),
            **_stage_times(pipeline),
        }
        level, message = (DiagnosticStatus.ERROR, pipeline.stall) if pipeline.stall else (DiagnosticStatus.OK, "")
        return self._status("model", level, message or _activity(pipeline), values, pipeline)

    def _camera_status(self, camera: Camera, pipeline: Pipeline, now_s: float) -> DiagnosticStatus:
        level, message = self._camera_health(camera, pipeline, now_s)
        statistics, verdict = camera.statistics, camera.transport.verdict
        images_per_s, masks_per_s = statistics.rates(now_s)
        median_s, p99_s = statistics.latencies_s()
        values = {
            "image topic": camera.topic,
            "images per second": f"{images_per_s:.2f}",
            "masks per second": f"{masks_per_s:.2f}",
            "images received": statistics.received,
            "masks published": statistics.published,
            "images lost": statistics.lost,
            "images dropped": pipeline.slots.dropped(camera.name),
            "wrong images": statistics.wrong,
            "latency p50 [ms]": f"{median_s * 1e3:.1f}",
            "latency p99 [ms]": f"{p99_s * 1e3:.1f}",
            "latency from": statistics.latency_from,
            "transport": verdict.text if verdict else "not checked yet",
            "positions": pipeline.scenes[camera.name].state,
            "last error": statistics.last_error,
        }
        return self._status(f"camera {camera.name}".strip(), level, message, values, pipeline)

    def _camera_health(self, camera: Camera, pipeline: Pipeline, now_s: float) -> tuple[bytes, str]:
        silence_s = now_s - camera.statistics.last_received_s
        timeout_s = pipeline.active.parameters.image_timeout_s
        is_silent = camera.is_streaming and silence_s > timeout_s
        self._transport_check.watch(camera, timeout_s)
        verdict = camera.transport.verdict
        if pipeline.stall or camera.statistics.is_failing:
            return DiagnosticStatus.ERROR, pipeline.stall or camera.statistics.last_error
        if is_silent:
            return DiagnosticStatus.WARN, _silence(camera, silence_s)
        if camera.is_streaming and verdict and not verdict.is_well:
            return DiagnosticStatus.WARN, verdict.text
        return DiagnosticStatus.OK, _activity(pipeline)

    def _status(
        self, part: str, level: bytes, message: str, values: dict[str, object], pipeline: Pipeline
    ) -> DiagnosticStatus:
        name = f"{self._node.get_fully_qualified_name().lstrip('/')}: {part}"
        return diagnostic_status(name, level, message, values, pipeline.active.segmenter.device)


def _stage_times(pipeline: Pipeline) -> dict[str, str]:
    """Return the last batches' time in each stage; empty while the parameter stage_times is off."""
    values = {}
    for name, (median_s, p99_s) in pipeline.stages.percentiles_s().items():
        values[f"{name} p50 [ms]"] = f"{median_s * 1e3:.2f}"
        values[f"{name} p99 [ms]"] = f"{p99_s * 1e3:.2f}"
    return values


def _activity(pipeline: Pipeline) -> str:
    if not any(camera.is_streaming for camera in pipeline.cameras.values()):
        return "inactive"
    return "segmenting" if pipeline.is_enabled else "paused"


def _silence(camera: Camera, silence_s: float) -> str:
    why = camera.transport.verdict.text if camera.transport.verdict else "finding out why"
    return f"no image on {camera.topic} for {silence_s:.0f} s: {why}"
