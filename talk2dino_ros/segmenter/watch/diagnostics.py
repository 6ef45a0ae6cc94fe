# SPDX-License-Identifier: Apache-2.0
"""Statuses for /diagnostics: state, rates, latencies, and what is wrong with its remedy."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from talk2dino_ros.ros.conversions.status_messages import diagnostic_status
from talk2dino_ros.ros.node.problems import Throttle
from talk2dino_ros.ros.watch.throttling import Throttling
from talk2dino_ros.segmenter.watch.camera_alarms import CameraFacts, camera_alarms, not_optical
from talk2dino_ros.segmenter.watch.model_alarms import ModelFacts, model_alarms

if TYPE_CHECKING:
    from diagnostic_msgs.msg import DiagnosticStatus
    from rclpy.node import Node

    from talk2dino_ros.ros.watch.alarm import Alarm
    from talk2dino_ros.segmenter.camera import Camera
    from talk2dino_ros.segmenter.pipeline import Pipeline
    from talk2dino_ros.segmenter.transport.transport_check import TransportCheck


class Diagnostics:
    """Make one status for the model and one per camera; check the transport of silent cameras on the way."""

    def __init__(self, node: Node, transport_check: TransportCheck) -> None:
        self._name = node.get_fully_qualified_name().lstrip("/")
        self._logger = node.get_logger()
        self._told = Throttle(math.inf)
        self._transport_check = transport_check
        self._throttling: tuple[str, Throttling] | None = None  # of a device

    def statuses(self, pipeline: Pipeline) -> list[DiagnosticStatus]:
        """Return the statuses of a pipeline, the model's first."""
        now_s = time.monotonic()
        cameras = [self._camera_status(camera, pipeline, now_s) for camera in pipeline.cameras.values()]
        return [self._model_status(pipeline), *cameras]

    def _model_status(self, pipeline: Pipeline) -> DiagnosticStatus:
        throttling = self._throttling_of(pipeline.active.segmenter.device)
        held_down = throttling.look()
        values = model_values(pipeline) | {"throttling": ", ".join(held_down) or f"none ({throttling.source})"}
        return self._status("model", pipeline, model_alarms(model_facts(pipeline, throttling.alarm())), values)

    def _throttling_of(self, device: str) -> Throttling:
        if self._throttling is None or self._throttling[0] != device:
            from talk2dino_ros.engine.runtime.devices import gpu_uuid  # imports torch, which a start need not wait for

            self._throttling = device, Throttling(device, gpu_uuid(device))
        return self._throttling[1]

    def _camera_status(self, camera: Camera, pipeline: Pipeline, now_s: float) -> DiagnosticStatus:
        self._transport_check.watch(camera, pipeline.active.parameters.image_timeout_s)
        facts = camera_facts(camera, pipeline, now_s)
        self._tell_once(not_optical(facts), camera, now_s)
        values = camera_values(camera, pipeline, now_s)
        return self._status(f"camera {camera.name}".strip(), pipeline, camera_alarms(facts), values)

    def _tell_once(self, alarm: Alarm | None, camera: Camera, now_s: float) -> None:
        """Log what a person has to change before anything else can be relied on."""
        if alarm is not None and self._told.allows(alarm.text, now_s, cause=camera.name):
            self._logger.warning(alarm.text)

    def _status(
        self, part: str, pipeline: Pipeline, alarms: tuple[Alarm, ...], values: dict[str, object]
    ) -> DiagnosticStatus:
        device = pipeline.active.segmenter.device
        return diagnostic_status(f"{self._name}: {part}", alarms, _activity(pipeline), values, device)


def model_facts(pipeline: Pipeline, throttled: Alarm | None = None) -> ModelFacts:
    """Return what the model's watchdogs look at."""
    failing = pipeline.model_failure
    return ModelFacts(
        busy_s=pipeline.worker.busy_s,
        stall_timeout_s=pipeline.active.parameters.stall_timeout_s,
        has_died=pipeline.worker.has_died,
        throttled=throttled,
        failure=failing.text,
        failing_s=failing.seconds(time.monotonic()),
    )


def model_values(pipeline: Pipeline) -> dict[str, object]:
    """Return the values of the model's status."""
    active = pipeline.active
    networks = active.segmenter.networks
    return {
        "model": active.segmenter.model.name,
        "device": active.segmenter.device,
        "backend": f"{networks.backend}: {networks.backend_reason}",
        "precision": active.segmenter.precision,
        "self-check": active.self_check,
        "PAMR computed by": active.segmenter.prepare_refinement(),
        "vocabulary size": len(active.vocabulary.classes),
        "vocabulary version": active.vocabulary.version,
        "enabled": pipeline.is_enabled,
        **_stage_times(pipeline),
    }


def camera_facts(camera: Camera, pipeline: Pipeline, now_s: float) -> CameraFacts:
    """Return what a camera's watchdogs look at."""
    statistics, scene, parameters = camera.statistics, pipeline.scenes[camera.name], pipeline.active.parameters
    verdict = camera.transport.verdict
    latency_s, age_s = statistics.recent_latencies_s(now_s)
    has_no_depth = bool(parameters.target_frame) and not scene.depth_source.is_expected
    return CameraFacts(
        topic=camera.topic,
        is_streaming=camera.is_streaming,
        is_enabled=pipeline.is_enabled,
        is_stalled=model_facts(pipeline).is_stalled,
        silence_s=now_s - statistics.last_received_s,
        image_timeout_s=parameters.image_timeout_s,
        transport=verdict.text if verdict and not verdict.is_well else "",
        failure=statistics.last_error if statistics.is_failing else "",
        held_back_s=statistics.held_back_s,
        new_reader_pause_s=parameters.new_reader_pause_s,
        latency_s=latency_s,
        age_s=age_s,
        busy_s=pipeline.worker.busy_s,
        latency_warn_s=parameters.latency_warn_s,
        depth=scene.no_depth.text,
        no_depth_s=scene.no_depth.seconds(now_s),
        transform=scene.no_transform.text,
        no_transform_s=scene.no_transform.seconds(now_s),
        frame_doubt=scene.frame_doubt,
        wants_depth_on=scene.depth_source.topic if has_no_depth else "",
    )


def camera_values(camera: Camera, pipeline: Pipeline, now_s: float) -> dict[str, object]:
    """Return the values of a camera's status."""
    statistics, verdict = camera.statistics, camera.transport.verdict
    images_per_s, masks_per_s = statistics.rates(now_s)
    median_s, p99_s = statistics.latencies_s()
    return {
        "image topic": camera.topic,
        "images per second": f"{images_per_s:.2f}",
        "masks per second": f"{masks_per_s:.2f}",
        "images received": statistics.received,
        "masks published": statistics.published,
        "masks dropped for new subscribers": statistics.held_back,
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


def _stage_times(pipeline: Pipeline) -> dict[str, object]:
    """Return the last batches' time in each stage; empty while the parameter stage_times is off."""
    values: dict[str, object] = {}
    for name, (median_s, p99_s) in pipeline.stages.percentiles_s().items():
        values[f"{name} p50 [ms]"] = f"{median_s * 1e3:.2f}"
        values[f"{name} p99 [ms]"] = f"{p99_s * 1e3:.2f}"
    return values


def _activity(pipeline: Pipeline) -> str:
    if not any(camera.is_streaming for camera in pipeline.cameras.values()):
        return "inactive"
    return "segmenting" if pipeline.is_enabled else "paused"
