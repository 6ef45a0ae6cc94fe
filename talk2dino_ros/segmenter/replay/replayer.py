# SPDX-License-Identifier: Apache-2.0
"""Process every image of a bag as the node does, in the order of recording.

An image is processed when a second more of the bag has been read: then the depth and the transforms of its moment are
there, which come a little later than the image, and for which the node waits.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.perception.space.clock_jump import is_jump_back
from talk2dino_ros.ros.bags.bag_topics import is_static
from talk2dino_ros.segmenter.frames import Frame
from talk2dino_ros.segmenter.pipeline import ActiveConfiguration, Pipeline
from talk2dino_ros.segmenter.replay.recorded_depth import BagTransforms
from talk2dino_ros.segmenter.replay.result_journal import ReplayError
from talk2dino_ros.segmenter.scene import Scene

if TYPE_CHECKING:
    from talk2dino_ros.segmenter.camera import Camera
    from talk2dino_ros.segmenter.replay.replay_camera import ReplayCamera

LOOKAHEAD_S = 1.0  # beyond what the node waits for, as a model at work on another image is waited for too


@dataclass
class ReplayReport:
    """problems: how often something has happened, with the first reason. flaws: sentences on the bag, each once."""

    problems: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    flaws: dict[str, None] = field(default_factory=dict)

    def note(self, what: str, error: Exception) -> None:
        """Count a problem that the pipeline reports."""
        self.problems[what] += 1
        self.reasons.setdefault(what, str(error) or repr(error))


class Replayer:
    """The pipeline with a bag's cameras.

    actives: what images are segmented with, each from a time of recording on, ns; the first from the beginning.
    on_image: is called after each image.
    """

    def __init__(
        self,
        cameras: Sequence[ReplayCamera],
        actives: Sequence[tuple[int, ActiveConfiguration]],
        on_image: Callable[[], object],
    ) -> None:
        self.report = ReplayReport()
        self._next = deque(actives)
        self._has_none_yet = True
        active = actives[0][1]
        parameters = active.parameters
        self._cameras = {camera.topic: camera for camera in cameras}
        self._transforms = BagTransforms()
        transforms = self._transforms if parameters.target_frame else None
        self._pipeline = Pipeline(
            cast("Mapping[str, Camera]", {camera.name: camera for camera in cameras}),
            {camera.name: Scene(camera.depth_input, transforms, parameters) for camera in cameras},
            active,
            self._on_problem,
        )
        self._on_image = on_image
        self._ahead_ns = round((LOOKAHEAD_S + max(parameters.depth_wait_s, parameters.transform_timeout_s)) * 1e9)
        self._waiting: deque[tuple[int, Frame]] = deque()
        self._newest_ns: dict[str, int] = {}
        self._doubted: set[str] = set()  # cameras whose frame does not seem to be an optical one
        self._fault: Exception | None = None  # of the place of the results, for which no image is to blame

    def run(self, messages: Iterable[tuple[str, int, Any]], tf_topics: Sequence[str]) -> None:
        """Process topic, time of recording in ns, and message of a bag, in the order of recording.

        Raises OSError, ReplayError where results cannot be written.
        """
        for topic, recorded_ns, message in messages:
            self._process_until(recorded_ns - self._ahead_ns)
            if topic in tf_topics:
                self._take_transforms(message, is_static(topic))
            else:
                self._take(topic, recorded_ns, message)
        self._process_until(None)

    def _take(self, topic: str, recorded_ns: int, message: Any) -> None:
        frame = Frame("", message, recorded_ns * 1e-9)
        if is_jump_back(self._newest_ns.get(topic, 0), frame.stamp_ns):
            self._process_until(None)  # a bag of a bag that looped: what waits belongs to the time before
            self._newest_ns.clear()
        self._newest_ns[topic] = frame.stamp_ns
        camera = self._cameras.get(topic)
        if camera is not None:
            self._waiting.append((recorded_ns, Frame(camera.name, message, frame.received_s)))
            camera.depth_input.hold(frame.stamp_ns)
            return
        for each in self._cameras.values():
            try:
                each.depth_input.take(topic, message)
            except ImageError as error:
                self.report.note(f"a depth image on {topic} was dropped", error)

    def _take_transforms(self, message: Any, static: bool) -> None:
        for transform in message.transforms:
            if flaw := self._transforms.add(transform, static):
                self.report.flaws[flaw] = None

    def _process_until(self, recorded_ns: int | None) -> None:
        """Process what was recorded until then; all that waits for None."""
        while self._waiting and (recorded_ns is None or self._waiting[0][0] <= recorded_ns):
            at_ns, frame = self._waiting.popleft()
            self._process(at_ns, frame)

    def _process(self, recorded_ns: int, frame: Frame) -> None:
        camera = next(each for each in self._cameras.values() if each.name == frame.camera)
        for each in self._cameras.values():
            each.recorded_ns = recorded_ns
        self._configure_until(recorded_ns)
        camera.images += 1
        self._pipeline.process([frame])
        camera.depth_input.let_go(frame.stamp_ns)
        self._note_doubt(camera)
        if self._fault is not None:
            raise self._fault
        self._on_image()

    def _note_doubt(self, camera: ReplayCamera) -> None:
        doubt = self._pipeline.scenes[camera.name].frame_doubt
        if doubt and camera.name not in self._doubted:
            self._doubted.add(camera.name)
            self.report.flaws[f"the images on {camera.topic} {doubt}"] = None

    def _on_problem(self, what: str, error: Exception) -> None:
        if isinstance(error, OSError | ReplayError):
            self._fault = error
        self.report.note(what, error)

    def _configure_until(self, recorded_ns: int) -> None:
        """Adopt what is active from then on, and say what its ids mean before its first mask."""
        is_first = self._has_none_yet
        while self._next and (is_first or self._next[0][0] <= recorded_ns):
            self._pipeline.adopt(self._next.popleft()[1])
            is_first = self._has_none_yet = False
