# SPDX-License-Identifier: Apache-2.0
"""One camera's scene: regions of the mask, their positions, and the tracked objects.

The worker's thread alone looks at it. Where a region has no place, its point says why, and nothing else is lost.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from talk2dino_ros.engine.inference.score_smoothing import ScoreMemory
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.patch_places import PatchPlaces
from talk2dino_ros.perception.points_of_interest import point_of
from talk2dino_ros.perception.space.camera_model import GeometryError
from talk2dino_ros.perception.space.clock_jump import JUMP_NS, is_jump_back
from talk2dino_ros.perception.space.patch_points import patch_points
from talk2dino_ros.perception.space.positions import Position, position_of, surface_points
from talk2dino_ros.perception.space.regions import Region, find_regions, layers_of
from talk2dino_ros.perception.tracking.tracker import Detection, Tracker
from talk2dino_ros.ros.tf.optical_frame import frame_doubt
from talk2dino_ros.ros.tf.transforms import Transform, TransformError
from talk2dino_ros.ros.watch.lasting import Lasting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from talk2dino_ros.engine.inference.image_patches import ImagePatches
    from talk2dino_ros.perception.space.depth import Depth
    from talk2dino_ros.ros.tf.transforms import Transforms
    from talk2dino_ros.segmenter.frames import SegmentedFrame
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters


class DepthSource(Protocol):
    """Source of the depth that belongs to an image; see `depth_input.DepthInput`."""

    @property
    def is_expected(self) -> bool:
        """Whether somebody publishes depth, or did since the start."""

    @property
    def topic(self) -> str:
        """The depth topic, with remappings resolved."""

    def pin(self, stamp_ns: int) -> None:
        """Keep what belongs to the image of this stamp, however long its segmentation takes."""

    def depth_of(self, frame: SegmentedFrame, parameters: Parameters) -> Depth:
        """Return the depth at each pixel of a decoded frame; raise GeometryError, which says why there is none."""


class Scene:
    """The regions of one camera's images, in space and over time.

    transforms: what knows the frames; it is asked where the parameter target_frame names another than the image's.
    """

    def __init__(self, depth_source: DepthSource, transforms: Transforms | None, parameters: Parameters) -> None:
        self.depth_source = depth_source
        self.score_memory = ScoreMemory()
        self.problem = ""  # why nothing in the last image had a position, though depth is published
        self.no_depth, self.no_transform = Lasting(), Lasting()  # of the images, where they should have one
        self.frame_doubt = ""  # why the images' frame does not seem to be an optical one
        self._transforms = transforms
        self._objects = Tracker(parameters.object_options())
        self._last_stamp_ns = 0
        self._found: Transform | TransformError | None = None  # by the lookup for the frame in hand

    def restart(self) -> None:
        """Begin anew with the images, as at activate; the objects stay."""
        self.score_memory.clear()
        for trouble in (self.no_depth, self.no_transform):
            trouble.note("", time.monotonic())
        self.frame_doubt = ""

    @property
    def state(self) -> str:
        """For /diagnostics: ok, no depth, or what is wrong."""
        return self.problem or ("ok" if self.depth_source.is_expected else "no depth")

    def locate(
        self,
        frame: SegmentedFrame,
        labels: Mapping[int, str],
        parameters: Parameters,
        *,
        questions: Mapping[int, str] = MappingProxyType({}),
    ) -> SegmentedFrame:
        """Return a segmented frame with its points, objects and depth, and remember the objects.

        labels, questions: id -> name of the classes that count.
        """
        self._note_time(frame.stamp_ns)
        self._found = None
        depth = self._depth(frame, parameters)
        find = partial(
            find_regions,
            min_area_share=parameters.min_area_share,
            max_per_class=parameters.max_points_per_class,
            depth=None if isinstance(depth, str) or not parameters.depth_jump_m else depth,
            depth_jump_m=parameters.depth_jump_m,
        )
        regions = [region for layer in layers_of(frame.result, labels, questions) for region in find(*layer)]
        target = parameters.target_frame or frame.frame_id
        places = self._places(regions, depth, frame, target, parameters)
        self._note_problem(depth, places)
        detections = [_detection(region, place) for region, place in zip(regions, places, strict=True)]
        ids = self._objects.update(self._last_stamp_ns, target, detections, {**labels, **questions})
        points = [
            point_of(region, frame.result.class_ids.size, place, object_id)
            for region, place, object_id in zip(regions, places, ids, strict=True)
        ]
        return replace(
            frame,
            points=points,
            objects=self._objects.objects(),
            positions_frame_id=target,
            depth=None if isinstance(depth, str) else depth,
            no_depth_reason=depth if isinstance(depth, str) else "",
        )

    def patch_places(self, frame: SegmentedFrame, patches: ImagePatches, parameters: Parameters) -> PatchPlaces:
        """Return where the patches of a located frame are; without depth or a transform all points are NaN."""
        centres = patches.centres.reshape(-1, 2)
        nowhere = np.full((len(centres), 3), np.nan, np.float32)
        target, near_m, far_m = parameters.target_frame or frame.frame_id, parameters.near_m, parameters.far_m
        try:
            transform = self._transform(target, frame, parameters.transform_timeout_s)
        except TransformError as error:
            return PatchPlaces("", None, nowhere, str(error))
        x, y, z = transform.translation.tolist()
        pose = SensorPose((x, y, z), transform.quaternion)
        if frame.depth is None:
            return PatchPlaces(target, pose, nowhere, frame.no_depth_reason)
        points = patch_points(frame.depth, centres, patches.size, near_m=near_m, far_m=far_m)
        has_any = bool(np.isfinite(points).any())
        reason = "" if has_any else f"no patch has enough depth between {near_m:g} and {far_m:g} m"
        return PatchPlaces(target, pose, transform.apply(points).astype(np.float32), reason)

    def _depth(self, frame: SegmentedFrame, parameters: Parameters) -> Depth | str:
        try:
            depth: Depth | str = self.depth_source.depth_of(frame, parameters)
        except GeometryError as error:
            depth = str(error)
        is_missed = isinstance(depth, str) and self.depth_source.is_expected
        self.no_depth.note(str(depth) if is_missed else "", time.monotonic())
        return depth

    def _places(
        self, regions: Sequence[Region], depth: Depth | str, frame: SegmentedFrame, target: str, parameters: Parameters
    ) -> list[Position | str]:
        """Compute each region's position, or the reason why there is none."""
        if isinstance(depth, str):
            return [depth] * len(regions)
        near_m, far_m = parameters.near_m, parameters.far_m
        surfaces = [surface_points(region, depth, near_m=near_m, far_m=far_m) for region in regions]
        if all(isinstance(surface, str) for surface in surfaces):
            return [surface for surface in surfaces if isinstance(surface, str)]
        try:
            transform = self._transform(target, frame, parameters.transform_timeout_s)
        except TransformError as error:
            return [str(error)] * len(regions)
        return [
            surface if isinstance(surface, str) else position_of(transform.apply(surface), target)
            for surface in surfaces
        ]

    def _transform(self, target: str, frame: SegmentedFrame, timeout_s: float) -> Transform:
        """Return or raise what the one lookup for the frame in hand found: who asks again does not wait again."""
        if target == frame.frame_id:
            return Transform.identity(frame.stamp_ns)
        if self._found is None:
            self._found = self._lookup(target, frame, timeout_s)
            is_missed = isinstance(self._found, TransformError)
            self.no_transform.note(str(self._found) if is_missed else "", time.monotonic())
        if isinstance(self._found, TransformError):
            raise self._found
        self.frame_doubt = frame_doubt(self._found, frame.frame_id, target)
        return self._found

    def _lookup(self, target: str, frame: SegmentedFrame, timeout_s: float) -> Transform | TransformError:
        if self._transforms is None:
            return TransformError(f"nothing listens to TF, which has to bring '{frame.frame_id}' into '{target}'")
        try:
            return self._transforms.lookup(target, frame.frame_id, frame.stamp_ns, timeout_s)
        except TransformError as error:
            return error

    def _note_time(self, stamp_ns: int) -> None:
        """Clear TF and objects after a jump back of the clock, as by a bag that loops."""
        if is_jump_back(self._last_stamp_ns, stamp_ns):
            self._last_stamp_ns = 0
            self._objects.clear()
            if self._transforms is not None:
                self._transforms.clear()
        if abs(stamp_ns - self._last_stamp_ns) > JUMP_NS:
            self.score_memory.clear()  # of a mean over what was seen long ago nothing can be said
        self._last_stamp_ns = max(stamp_ns, self._last_stamp_ns)

    def _note_problem(self, depth: Depth | str, places: Sequence[Position | str]) -> None:
        reasons = [place for place in places if isinstance(place, str)]
        if isinstance(depth, str):
            reasons.append(depth)
        has_a_place = len(reasons) < len(places)
        self.problem = reasons[0] if reasons and not has_a_place and self.depth_source.is_expected else ""


def _detection(region: Region, place: Position | str) -> Detection:
    seen = (region.class_id, region.class_name, region.confidence / 255, region.box)
    return Detection(*seen) if isinstance(place, str) else Detection(*seen, place.xyz, place.covariance, place.extent)
