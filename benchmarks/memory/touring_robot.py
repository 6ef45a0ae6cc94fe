# SPDX-License-Identifier: Apache-2.0
"""What a robot makes of a tour's images: a memory of them, and the objects that a tracker knows of a vocabulary."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory.tour import TourImage
from benchmarks.nav.sim_world import CAMERA_AHEAD_M, CAMERA_HEIGHT_M, IMAGE_HEIGHT, IMAGE_WIDTH, focal_length
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.perception.memory.disk.keyframe_store import FeatureKind
from talk2dino_ros.perception.memory.keyframe import ANGLE_DEG, DISTANCE_M, KeyframeChoice
from talk2dino_ros.perception.memory.remembered_view import small_jpeg
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.memory.spatial_memory import SeenImage, SpatialMemory
from talk2dino_ros.perception.memory.word_query import AGAINST, WordQuery, entries_of, make_query
from talk2dino_ros.perception.space.camera_model import CameraModel
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.perception.space.patch_points import patch_points
from talk2dino_ros.perception.space.positions import FAR_M, NEAR_M, position_of, surface_points
from talk2dino_ros.perception.space.regions import Region, find_regions, layers_of
from talk2dino_ros.perception.tracking.tracker import Detection, TrackedObject, Tracker, TrackState

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.engine.segmenter import Segmentation

MAP, CAMERA = "map", "camera"
OPTICAL = SensorPose((CAMERA_AHEAD_M, 0.0, CAMERA_HEIGHT_M), (-0.5, 0.5, -0.5, 0.5))  # on the base (REP 103)
IMAGE_NS = 500_000_000  # between two images


def camera_model() -> CameraModel:
    """Return the simulated camera."""
    focal, x, y = focal_length(), (IMAGE_WIDTH - 1) / 2, (IMAGE_HEIGHT - 1) / 2
    return CameraModel(np.array([[focal, 0, x], [0, focal, y], [0, 0, 1]]), (), "", IMAGE_WIDTH, IMAGE_HEIGHT)


def camera_pose(base: Pose) -> SensorPose:
    """Return the pose of the camera's optical frame in the map."""
    turn = (0.0, 0.0, math.sin(base.yaw / 2), math.cos(base.yaw / 2))
    return SensorPose((base.x, base.y, 0.0), turn).after(OPTICAL)


class RoomMemory:
    """Remembers a tour's images as the node does.

    took_s: of each remembered keyframe, of this thread's processor time, the disk included.
    """

    def __init__(self, segmenter: Segmenter, memory: SpatialMemory) -> None:
        self.memory = memory
        self.took_s: list[float] = []
        self._segmenter = segmenter
        self._camera = camera_model()
        self._choice = KeyframeChoice(DISTANCE_M, ANGLE_DEG)
        self._words = segmenter.encode_vocabulary(["door"])
        model = segmenter.model
        self._kind = FeatureKind(segmenter.feature_space, model.name, model.embedding_size, MAP)

    def see(self, stamp_ns: int, image: TourImage) -> Segmentation | None:
        """Remember an image where it is worth it; return what the vocabulary `door` made of it."""
        pose = camera_pose(image.pose)
        if not self._choice.is_new(CAMERA, stamp_ns, pose):
            return None
        self._choice.took(CAMERA, stamp_ns, pose)
        result = self._segmenter.segment(image.rgb, self._words, return_patches=True)
        patches = result.patches
        assert patches is not None  # as asked for
        centres, depth = patches.centres.reshape(-1, 2), Depth(image.metres, self._camera)
        points = pose.to_map(patch_points(depth, centres, patches.size, near_m=NEAR_M, far_m=FAR_M))
        features = patches.features.reshape(len(centres), -1)
        seen = SeenImage(stamp_ns, CAMERA, pose, features, points, centres, patches.size, small_jpeg(image.rgb))
        began_s = time.thread_time()
        self.memory.remember(seen, self._kind)
        self.took_s.append(time.thread_time() - began_s)
        return result


class TrackingRobot:
    """Knows of a tour what a tracker makes of a vocabulary: all objects that were ever confirmed, the surest first.

    words: they compete with each other and with AGAINST. questions: each competes with AGAINST alone, as in the memory.
    """

    def __init__(self, segmenter: Segmenter, words: Sequence[str], questions: Sequence[str] = ()) -> None:
        self._segmenter = segmenter
        against = [word for word in AGAINST if word not in words]
        self._words = segmenter.encode_vocabulary([*words, *(f"?{word}" for word in questions), *against])
        self._labels = {number: word for number, word in self._words.labels().items() if word in words}
        self._questions = self._words.questions()
        self._camera = camera_model()
        self._tracker = Tracker()
        self._confirmed: dict[int, TrackedObject] = {}

    def see(self, stamp_ns: int, image: TourImage) -> None:
        """Segment an image and take its objects."""
        self.take(stamp_ns, image, self._segmenter.segment(image.rgb, self._words))

    def take(self, stamp_ns: int, image: TourImage, result: Segmentation) -> None:
        """Take the objects of a segmented image."""
        depth, pose = Depth(image.metres, self._camera), camera_pose(image.pose)
        layers = layers_of(result, self._labels, self._questions)
        regions = [region for layer in layers for region in find_regions(*layer, depth=depth)]
        detections = [_detection(region, surface_points(region, depth), pose) for region in regions]
        self._tracker.update(stamp_ns, MAP, detections, {**self._labels, **self._questions})
        for each in self._tracker.objects():
            if each.state == TrackState.CONFIRMED and each.position is not None:
                self._confirmed[each.id] = each

    def places(self, word: str) -> list[tuple[float, float, float]]:
        """Return where the confirmed objects of a word are, those seen most often first."""
        known = [each for each in self._confirmed.values() if each.class_name == word]
        return [each.position for each in sorted(known, key=lambda each: -each.detections) if each.position]


def places_of_word(segmenter: Segmenter, memory: SpatialMemory, word: str) -> list[tuple[float, float, float]]:
    """Return where a memory has a word, best first."""
    return [place.position for _, place in memory.find(query_of_word(segmenter, word)).places]


def query_of_word(segmenter: Segmenter, word: str) -> WordQuery:
    """Return a word beside what competes with it unless a request names more."""
    entries, model = entries_of(word, AGAINST), segmenter.model
    vectors = segmenter.encode_vocabulary([entry.text for entry in entries]).embeddings
    return make_query(entries, vectors, model.background or None, model.logit_scale)


def _detection(region: Region, surface: NDArray[np.float64] | str, pose: SensorPose) -> Detection:
    seen = (region.class_id, region.class_name, region.confidence / 255, region.box)
    if isinstance(surface, str):
        return Detection(*seen)
    place = position_of(pose.to_map(surface), MAP)
    return Detection(*seen, place.xyz, place.covariance, place.extent)
