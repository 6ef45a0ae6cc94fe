# SPDX-License-Identifier: Apache-2.0
"""Keeps the node's inputs and writes them to a bag, when ~/record_problem asks for it or at an error."""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_srvs.srv import Trigger

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.safe_text import safe_text
from talk2dino_ros.ros.bags.bag_topics import COMPRESSED, IMAGE, TF, CameraTopics
from talk2dino_ros.ros.node.background import in_thread
from talk2dino_ros.segmenter.problem.problem_folder import problem_folder
from talk2dino_ros.segmenter.problem.problem_ring import KeptMessage, ProblemRing
from talk2dino_ros.segmenter.problem.problem_writer import write_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rclpy.node import Node

    from talk2dino_ros.segmenter.camera import Camera
    from talk2dino_ros.segmenter.frames import Frame
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
    from talk2dino_ros.segmenter.pipeline import ActiveConfiguration

ERROR_PERIOD_S = 300.0
MOST_ERRORS = 50
TF_QUEUE = 100  # messages, as tf2_ros


class ProblemRecorder:
    """Ring of one pipeline's inputs. statuses: returns what /diagnostics says, as texts."""

    def __init__(
        self, node: Node, cameras: Mapping[str, Camera], settings: Parameters, statuses: Callable[[], list[Any]]
    ) -> None:
        self._node = node
        self._cameras = cameras
        self._statuses = statuses
        self._folder = problem_folder(settings.problem_folder)
        self._ring = ProblemRing(settings.problem_seconds, settings.problem_max_mb * 1_000_000)
        self._image_type = COMPRESSED if settings.compressed else IMAGE
        self._errors: deque[str] = deque(maxlen=MOST_ERRORS)
        self._reason = ""  # of an error in the batch in hand
        self._last_s = -ERROR_PERIOD_S
        self._subs = self._hear_transforms() if settings.target_frame else []

    @property
    def kept_bytes(self) -> int:
        """The size of what is kept."""
        return self._ring.kept_bytes

    def take_images(self, frames: Sequence[Frame], active: ActiveConfiguration) -> None:
        """Keep the images of a batch, in the worker's thread."""
        for frame in frames:
            topic, size = self._cameras[frame.camera].topic, len(frame.message.data)
            self._ring.put(KeptMessage(topic, self._image_type, frame.message, frame.received_s, size, active))

    def end_batch(self, frames: Sequence[Frame], active: ActiveConfiguration) -> None:
        """Keep the depth and camera_info next to a batch's images, and write where an error asks for it.

        They are kept also where they do not fit: that may be the problem.
        """
        for frame in frames:
            for topic, kind, message in self._cameras[frame.camera].depth_input.nearest(frame.stamp_ns):
                size = len(getattr(message, "data", b""))
                self._ring.put(KeptMessage(topic, kind, message, frame.received_s, size))
        reason, self._reason = self._reason, ""
        is_due = time.monotonic() - self._last_s >= ERROR_PERIOD_S
        if reason and active.parameters.problem_on_error and is_due:
            self._last_s = time.monotonic()
            in_thread(self._node, partial(self._write_and_log, reason), "recording a problem")

    def on_problem(self, what: str, error: Exception) -> None:
        """Remember what went wrong."""
        self._reason = safe_text(f"{what}: {error}")
        self._errors.append(f"{time.strftime('%H:%M:%S')} {self._reason}")

    def write(self, why: str) -> str:
        """Write what is kept; return where it lies. Raises ProblemError and the bag's errors."""
        cameras = {name: _topics_of(camera) for name, camera in self._cameras.items()}
        about = {"why": why, "errors": list(self._errors), "diagnostics": self._statuses()}
        node = self._node.get_fully_qualified_name()
        return write_problem(self._folder, self._ring.messages(), node, cameras, about)

    def destroy(self) -> None:
        """Stop listening."""
        while self._subs:
            self._node.destroy_subscription(self._subs.pop())

    def _write_and_log(self, reason: str) -> None:
        try:
            self._node.get_logger().warning(f"an error was recorded: {self.write(reason)}")
        except Talk2DinoError as error:
            self._node.get_logger().error(f"an error could not be recorded: {error}")

    def _hear_transforms(self) -> list[Any]:
        from tf2_msgs.msg import TFMessage  # as open_transforms, which tells where it is missing

        latched = QoSProfile(depth=TF_QUEUE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        group = ReentrantCallbackGroup()
        return [
            self._node.create_subscription(
                TFMessage, topic, partial(self._take_transforms, topic), profile, raw=True, callback_group=group
            )
            for topic, profile in (("/tf", QoSProfile(depth=TF_QUEUE)), ("/tf_static", latched))
        ]

    def _take_transforms(self, topic: str, message: bytes) -> None:
        kept = KeptMessage(topic, TF, message, time.monotonic(), len(message))
        (self._ring.put if topic == "/tf" else self._ring.put_static)(kept)


class ProblemServer:
    """Server of ~/record_problem. recorder: returns that of the node's pipeline, None where nothing is kept."""

    def __init__(self, node: Node, recorder: Callable[[], ProblemRecorder | None]) -> None:
        self._node = node
        self._recorder = recorder
        self._is_writing = False
        self._srv = node.create_service(
            Trigger, "~/record_problem", self._on_record_problem, callback_group=ReentrantCallbackGroup()
        )

    async def _on_record_problem(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        recorder = self._recorder()
        if recorder is None:
            response.message = (
                "nothing is kept of the inputs, expected a configured node with problem_seconds above 0; set it, and "
                "configure the node"
            )
            return response
        if self._is_writing:
            response.message = "another call's bag is being written, expected one at a time; ask again when it is there"
            return response
        self._is_writing = True
        try:
            work = in_thread(self._node, partial(recorder.write, "asked by ~/record_problem"), "recording a problem")
            response.message = await work.future
            response.success = True
        except Talk2DinoError as error:
            response.message = str(error)
        finally:
            self._is_writing = False
        return response


def _topics_of(camera: Camera) -> CameraTopics:
    """Return a camera's topics, of those that have brought anything."""
    depth, info, depth_info = (topic.name if topic.latest is not None else "" for topic in camera.depth_input.topics)
    return CameraTopics(camera.topic, depth, info, depth_info)
