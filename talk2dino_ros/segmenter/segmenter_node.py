# SPDX-License-Identifier: Apache-2.0
"""Lifecycle node `talk2dino`: configure, activate, deactivate and clean up; each task is in a file of its own.

A frame's way is in pipeline.py, a camera's topics in camera.py, the vocabulary's services in
vocabulary_server.py. One single-threaded executor serves all callbacks; the worker's thread owns the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from diagnostic_msgs.msg import DiagnosticStatus
from std_srvs.srv import SetBool

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.node.managed_node import ManagedNode
from talk2dino_ros.ros.node.problems import ProblemLog
from talk2dino_ros.ros.parameters.parameter_field import Value
from talk2dino_ros.ros.parameters.parameter_set import NodeValues
from talk2dino_ros.ros.tf.open_transforms import open_transforms
from talk2dino_ros.ros.tf.transforms import Transforms
from talk2dino_ros.segmenter.camera import Camera
from talk2dino_ros.segmenter.model_loading import load, release, self_checked, warm_up, with_options
from talk2dino_ros.segmenter.parameters import segmenter_parameters
from talk2dino_ros.segmenter.pipeline import ActiveConfiguration, Pipeline
from talk2dino_ros.segmenter.problem.problem_recorder import ProblemRecorder, ProblemServer
from talk2dino_ros.segmenter.scene import Scene
from talk2dino_ros.segmenter.transport.transport_check import TransportCheck
from talk2dino_ros.segmenter.vocabulary.presence_server import PresenceServer
from talk2dino_ros.segmenter.vocabulary.text_server import TextServer
from talk2dino_ros.segmenter.vocabulary.vocabulary_memory import check_configured_words
from talk2dino_ros.segmenter.vocabulary.vocabulary_server import NOT_CONFIGURED, VocabularyServer
from talk2dino_ros.segmenter.watch.diagnostics import Diagnostics


class StallError(Talk2DinoError):
    """The model has not returned from a batch in time."""


class SegmenterNode(ManagedNode):
    """Lifecycle node for open-vocabulary segmentation of camera images.

    Parameters: see segmenter_parameters.py. Topics of each camera: see camera.py. Also publishes /diagnostics.
    Services: ~/set_vocabulary, ~/get_vocabulary, ~/encode_text, ~/is_in_view, ~/enable, ~/check_transport,
    ~/record_problem; before configure they answer that it is too early.
    Raises ParameterError where a parameter's start value is not allowed.
    """

    PARAMETERS: ClassVar[type[NodeValues]] = segmenter_parameters.Parameters

    def __init__(self, **node_options: Any) -> None:
        super().__init__("talk2dino", **node_options)
        for warning in segmenter_parameters.declare(self):
            self.get_logger().warning(warning)
        self._settings = segmenter_parameters.read(self)
        self._pipeline: Pipeline | None = None
        self._transforms: Transforms | None = None
        self._recorder: ProblemRecorder | None = None
        self._has_begun_to_load = False
        self._last_statuses: list[DiagnosticStatus] = []
        self._problems = ProblemLog(self.get_logger())
        self._transport_check = TransportCheck(self, lambda: self._pipeline)
        self._diagnostics = Diagnostics(self, self._transport_check)
        self._vocabulary_server = VocabularyServer(self, lambda: self._pipeline)
        self._text_server = TextServer(self, lambda: self._pipeline, self._vocabulary_server)
        self._presence_server = PresenceServer(self, lambda: self._pipeline)
        self._problem_server = ProblemServer(self, lambda: self._recorder)
        self._enable_srv = self.create_service(SetBool, "~/enable", self._on_enable)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self.start_diagnostics(self._settings.diagnostics_period_s)

    def stop(self) -> None:
        """Free everything, from any state and also after the ROS context has ended."""
        self._tear_down()
        self._vocabulary_server.encoding.join(timeout_s=10.0)

    def _configure(self) -> None:
        """Load the model, encode the first vocabulary, publish label_info."""
        settings = self._settings
        self.start_diagnostics(settings.diagnostics_period_s)
        check_configured_words(settings)
        self.get_logger().info(f"loading {settings.model}")
        self._has_begun_to_load = True
        segmenter, check = self_checked(load(settings), settings, self.get_logger().warning)
        vocabulary = self._vocabulary_server.first_vocabulary(segmenter, settings)
        warm_up(segmenter, vocabulary)
        self._transforms = open_transforms(self) if settings.target_frame else None
        cameras = {name: Camera(self, name, settings) for name in settings.cameras}
        scenes = {name: Scene(camera.depth_input, self._transforms, settings) for name, camera in cameras.items()}
        active = ActiveConfiguration(segmenter, vocabulary, settings, self_check=check.line)
        if settings.problem_seconds:
            self._recorder = ProblemRecorder(self, cameras, settings, lambda: [*map(_told, self._last_statuses)])
        self._pipeline = Pipeline(cameras, scenes, active, self._on_problem, self._recorder)
        self._pipeline.publish_label_info()
        self._log_configured(self._pipeline)

    def _activate(self) -> None:
        """Start the worker and the subscriptions."""
        if self._pipeline is not None:
            self._pipeline.start()

    def _deactivate(self) -> None:
        """Stop them; the model stays loaded."""
        stall = self._pipeline.stop() if self._pipeline is not None else ""
        if stall:
            self.get_logger().error(stall)

    def _clean_up(self) -> None:
        """Free everything, unless the model is still at work: its memory could not be freed, nor loaded again."""
        stall = self._pipeline.stop() if self._pipeline is not None else ""
        if stall:
            raise StallError(f"{stall}; clean up again then, or end the process")
        self._tear_down()

    def _tear_down(self) -> None:
        """Free all that belongs to the pipeline; without effect where there is none."""
        pipeline, self._pipeline = self._pipeline, None
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.destroy()
        if self._transforms is not None:
            self._transforms.destroy()
            self._transforms = None
        if pipeline is not None:
            pipeline.destroy()
        del pipeline, recorder  # its images keep the model that segmented them
        if self._has_begun_to_load:
            self._has_begun_to_load = False
            release()

    def _statuses(self) -> list[DiagnosticStatus]:
        self._last_statuses = self._diagnostics.statuses(self._pipeline) if self._pipeline is not None else []
        return self._last_statuses

    def _kept_bytes(self) -> int:
        return 0 if self._recorder is None else self._recorder.kept_bytes

    def _log_configured(self, pipeline: Pipeline) -> None:
        segmenter, vocabulary = pipeline.active.segmenter, pipeline.active.vocabulary
        topics = ", ".join(camera.topic for camera in pipeline.cameras.values())
        precision = f"{segmenter.precision}: {segmenter.precision_reason}"
        self.get_logger().info(
            f"{segmenter.model.name} on {segmenter.device} ({precision}) looks for "
            f"{', '.join(vocabulary.labels().values())} in the images of {topics}"
        )
        for warning in vocabulary.warnings:
            self.get_logger().warning(warning)

    def _on_problem(self, what: str, error: Exception) -> None:
        if not self.is_ending:
            self._problems.report(what, error)
            if self._recorder is not None:
                self._recorder.on_problem(what, error)

    def _change_parameters(self, values: Mapping[str, Value]) -> None:
        is_configured = self._pipeline is not None
        self._adopt_parameters(segmenter_parameters.check_changes(values, self._settings, configured=is_configured))

    def _adopt_parameters(self, after: segmenter_parameters.Parameters) -> None:
        if self._pipeline is not None:
            active = self._pipeline.active
            segmenter = with_options(active.segmenter, after)
            self._pipeline.adopt(replace(active, segmenter=segmenter, parameters=after))
        self._settings = after

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if self._pipeline is None:
            response.message = NOT_CONFIGURED
            return response
        self._pipeline.enable(request.data)
        response.success = True
        period_s = self._settings.paused_mask_period_s
        response.message = "segmenting" if request.data else f"paused: an all-unlabeled mask every {period_s:g} s"
        return response


def _told(status: DiagnosticStatus) -> dict[str, Any]:
    """Return a status as texts."""
    values = {each.key: each.value for each in status.values}
    return {"name": status.name, "level": int.from_bytes(status.level, "big"), "message": status.message, **values}
