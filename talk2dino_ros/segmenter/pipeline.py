# SPDX-License-Identifier: Apache-2.0
"""Process a frame: decode, segment, publish; in the worker's thread.

camera.py hands a frame (frames.py) to this file's slots; the pipeline adds the decoded image and the engine's result,
scene.py what it shows in space, and camera.py publishes it.

What a batch needs is one immutable `ActiveConfiguration`, taken once per batch and swapped by one assignment: no mask
mixes two vocabularies, and nobody waits for anybody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from talk2dino_ros import engine
from talk2dino_ros.engine.errors import ImageError, ModelError
from talk2dino_ros.engine.runtime.stage_times import StageTimer, stage
from talk2dino_ros.perception.space.camera_model import GeometryError
from talk2dino_ros.ros.watch.lasting import Lasting
from talk2dino_ros.segmenter.frames import Frame, FrameSlots, SegmentedFrame, mask_size, nearest
from talk2dino_ros.segmenter.scene import Scene
from talk2dino_ros.segmenter.statistics import StageStatistics
from talk2dino_ros.segmenter.worker import STOP_PATIENCE_S, Worker
from talk2dino_ros.viz.overlay import overlay, with_answers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talk2dino_ros.engine import Segmenter, Vocabulary
    from talk2dino_ros.segmenter.camera import Camera
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters

    Decoded = tuple[Frame, NDArray[np.uint8]]  # a frame and its pixels


@dataclass(frozen=True)
class ActiveConfiguration:
    """Immutable configuration of a batch. self_check: its result when the model was loaded."""

    segmenter: Segmenter
    vocabulary: Vocabulary
    parameters: Parameters
    self_check: str = ""

    @property
    def published_ids(self) -> list[int]:
        """The mask's value for each class of the vocabulary."""
        return self.vocabulary.published_ids(self.parameters.unlabeled_id)


class BatchRecorder(Protocol):
    """Keeps what is processed, in the worker's thread."""

    def take_images(self, frames: Sequence[Frame], active: ActiveConfiguration) -> None:
        """Keep the images of a batch that is about to be processed."""

    def end_batch(self, frames: Sequence[Frame], active: ActiveConfiguration) -> None:
        """Keep what belongs to them, now that they have been processed or have failed."""


class Pipeline:
    """The cameras, the worker between them and the model, and the active configuration.

    scenes: of each camera what its images show in space and over time. worker: the thread that owns the model.
    on_problem: gets (what has happened, why) for each frame that brought no mask, or no places though there is depth,
    in the worker's thread.
    """

    def __init__(
        self,
        cameras: Mapping[str, Camera],
        scenes: Mapping[str, Scene],
        active: ActiveConfiguration,
        on_problem: Callable[[str, Exception], None],
        recorder: BatchRecorder | None = None,
    ) -> None:
        self.cameras = cameras
        self.scenes = scenes
        self.active = active
        self.slots = FrameSlots()
        self.stages = StageStatistics()
        self.model_failure = Lasting()  # why no image could be segmented, whatever it shows
        self._on_problem = on_problem
        self._recorder = recorder
        self._is_enabled = True
        self.worker = Worker(self.slots, self.process, self._on_lost_batch)

    def start(self) -> None:
        """Start the worker, then the subscriptions."""
        self.model_failure.note("", 0.0)
        for scene in self.scenes.values():
            scene.restart()
        self.worker.start()
        for camera in self.cameras.values():
            camera.start(self.slots.put)

    def stop(self) -> str:
        """End the subscriptions, then the worker after the batch in hand; nothing is published from then on.

        Returns a sentence where the batch takes too long to be waited for, else "".
        """
        for camera in self.cameras.values():
            camera.stop()
        if self.worker.stop():
            return ""
        return (
            f"the model has not returned from an image for {self.worker.busy_s:.1f} s, expected it within "
            f"{STOP_PATIENCE_S:g} s; nothing of that image is published, and its memory is freed when it returns"
        )

    def destroy(self) -> None:
        """Stop, and end the cameras' publishers."""
        self.stop()
        for camera in self.cameras.values():
            camera.destroy()

    def adopt(self, active: ActiveConfiguration) -> None:
        """Tell what the ids mean from now on, then let the next batch use them."""
        self.publish_label_info(active)
        self.active = active

    def publish_label_info(self, active: ActiveConfiguration | None = None) -> None:
        """Publish id, name and threshold of the active vocabulary, or the next one, for every camera."""
        active = active or self.active
        vocabulary, threshold = active.vocabulary, active.segmenter.options.background
        for camera in self.cameras.values():
            camera.publish_label_info(vocabulary.mask_labels(), vocabulary.version, threshold)

    @property
    def is_enabled(self) -> bool:
        """False while paused: then images become all-unlabeled masks, once in a while and unseen."""
        return self._is_enabled

    def enable(self, is_enabled: bool) -> None:
        """Pause or resume; the model stays loaded."""
        self._is_enabled = is_enabled
        self.slots.counts_drops = is_enabled
        for camera in self.cameras.values():
            camera.statistics.forget_recent_latencies()
        self.worker.end_rest()

    def process(self, frames: list[Frame]) -> float:
        """Process a batch in the caller's thread; return for how many seconds to rest before the next."""
        active = self.active
        if not self._is_enabled:
            self._publish_unlabeled(frames, active)
            return active.parameters.paused_mask_period_s
        if self._recorder is None:
            return self._process(frames, active)
        self._recorder.take_images(frames, active)
        try:
            return self._process(frames, active)
        finally:
            self._recorder.end_batch(frames, active)

    def _process(self, frames: list[Frame], active: ActiveConfiguration) -> float:
        timer = active.segmenter.stage_timer() if active.parameters.stage_times else None
        segmented = self._publish_masks(frames, active, timer)
        with stage(timer, "points"):
            for frame in segmented:
                if not self.worker.is_left:
                    self._try_to_publish_rest(frame, active)
        if timer is None:
            self.stages.clear()
        elif segmented:
            self.stages.add(timer.seconds)
        return 0.0

    def _publish_masks(
        self, frames: Sequence[Frame], active: ActiveConfiguration, timer: StageTimer | None
    ) -> list[SegmentedFrame]:
        """Do first what robots wait for; return the segmented frames, of which there is more to say."""
        with stage(timer, "decode"):
            decoded = self._decode(frames)
        segmented = self._segment(decoded, active, timer)
        with stage(timer, "publish"):
            for frame in segmented:
                self._publish_mask(frame, active.parameters)
        return segmented

    def _decode(self, frames: Sequence[Frame]) -> list[Decoded]:
        decoded = []
        for frame in frames:
            self.scenes[frame.camera].depth_source.pin(frame.stamp_ns)
            try:
                decoded.append((frame, self.cameras[frame.camera].to_rgb(frame)))
            except ImageError as error:
                self._note(frame.camera, error)
        return decoded

    def _segment(
        self, decoded: Sequence[Decoded], active: ActiveConfiguration, timer: StageTimer | None
    ) -> list[SegmentedFrame]:
        """Segment decoded frames in one batch; where that fails one by one, so that only the culprit is lost."""
        if not decoded:
            return []
        try:
            images = [rgb for _, rgb in decoded]
            memories = [self.scenes[frame.camera].score_memory for frame, _ in decoded]
            due = [self.cameras[frame.camera].features.is_due(frame, active.parameters) for frame, _ in decoded]
            asks = any(self.cameras[frame.camera].presence.has_listener for frame, _ in decoded)
            results = active.segmenter.segment(
                images, active.vocabulary, asks, timer=timer, memory=memories, return_patches=due
            )
            self.model_failure.note("", 0.0)
            pairs = zip(decoded, results, strict=True)
            return [] if self.worker.is_left else [frame.segmented(rgb, result) for (frame, rgb), result in pairs]
        except Exception as error:
            if self.worker.is_left:
                return []
            if len(decoded) > 1:
                return [segmented for each in decoded for segmented in self._segment([each], active, timer)]
            if isinstance(error, ModelError):
                self.model_failure.note(str(error), time.monotonic())
            self._note(decoded[0][0].camera, error)
            return []

    def _publish_mask(self, frame: SegmentedFrame, parameters: Parameters) -> None:
        size = mask_size(frame.size, parameters)
        mask, confidence = nearest(frame.result.class_ids, size), nearest(frame.result.confidence, size)
        self.cameras[frame.camera].publish_mask(frame, mask, confidence)

    def _try_to_publish_rest(self, frame: SegmentedFrame, active: ActiveConfiguration) -> None:
        """Publish the rest; a fault here costs this image its points, and no other camera anything."""
        try:
            self._publish_rest(frame, active)
        except Exception as error:
            camera = self.cameras[frame.camera]
            camera.statistics.on_wrong(str(error) or repr(error))
            self._on_problem(f"the points of an image on {camera.topic} were lost", error)

    def _publish_rest(self, segmented: SegmentedFrame, active: ActiveConfiguration) -> None:
        parameters, vocabulary = active.parameters, active.vocabulary
        camera, scene = self.cameras[segmented.camera], self.scenes[segmented.camera]
        labels, questions = vocabulary.labels(), vocabulary.questions()
        frame = scene.locate(segmented, labels, parameters, questions=questions)
        if scene.problem:
            self._on_problem(f"what is seen on {camera.topic} has no position", GeometryError(scene.problem))
        camera.publish_places(frame, vocabulary.version)
        camera.presence.publish(frame, active)
        self._publish_cloud(frame, parameters)
        if parameters.overlay and camera.has_overlay_listener:
            shown, confidence = with_answers(frame.result)
            names, alpha = {**labels, **questions}, parameters.overlay_alpha
            drawn = overlay(frame.rgb, shown, names, confidence, alpha=alpha, points=frame.points)
            camera.publish_overlay(frame, drawn)
        patches = frame.result.patches
        if patches is not None:
            places = scene.patch_places(frame, patches, parameters)
            camera.features.publish(frame, patches, places, active.segmenter, parameters.features_encoding)

    def _publish_cloud(self, frame: SegmentedFrame, parameters: Parameters) -> None:
        """Publish a point for each pixel of the mask while someone listens; without depth they are all NaN.

        Costmap layers pair each mask with a cloud: a mask that never finds its own waits in their queues.
        """
        camera, depth = self.cameras[frame.camera], frame.depth
        if not camera.has_cloud_listener:
            return
        height, width = size = mask_size(frame.size, parameters)
        points = np.full((*size, 3), np.nan, np.float32) if depth is None else depth.at_size(width, height).points()
        camera.publish_cloud(frame, points, nearest(frame.rgb, size), nearest(frame.result.class_ids, size))

    def _publish_unlabeled(self, frames: Sequence[Frame], active: ActiveConfiguration) -> None:
        parameters = active.parameters
        for frame in frames:
            self.scenes[frame.camera].score_memory.clear()  # what was seen before the pause is stale after it
            try:
                size = mask_size(self.cameras[frame.camera].size_of(frame), parameters)
            except ImageError as error:
                self._note(frame.camera, error)
                continue
            unlabeled = np.full(size, parameters.unlabeled_id, np.uint8)
            result = engine.Segmentation(unlabeled, np.zeros(size, np.uint8))
            black = frame.segmented(np.zeros((*size, 3), np.uint8), result)
            self._publish_mask(black, parameters)
            self._publish_cloud(black, parameters)
            self.cameras[frame.camera].presence.publish_unseen(frame, active)

    def _on_lost_batch(self, frames: Sequence[Frame], error: Exception) -> None:
        if not self.worker.is_left:
            for frame in frames:
                self._note(frame.camera, error)

    def _note(self, camera_name: str, error: Exception) -> None:
        camera = self.cameras[camera_name]
        camera.statistics.on_wrong(str(error) or repr(error))
        self._on_problem(f"an image on {camera.topic} was dropped", error)
