# SPDX-License-Identifier: Apache-2.0
"""Remember the images of bags, as the node memory does those of a robot.

What has been done is told by the memory itself: a keyframe that it has is not made again. All else is decided anew from
the bag, in the same order, so that a build that was killed goes on to the same bytes.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.perception.memory.disk.keyframe_store import FeatureKind, KeyframeStore
from talk2dino_ros.perception.memory.image_gate import ImageGate, RejectedImageError
from talk2dino_ros.perception.memory.keyframe import KeyframeChoice
from talk2dino_ros.perception.memory.remembered_view import small_jpeg
from talk2dino_ros.perception.memory.sensor_pose import PoseError, SensorPose
from talk2dino_ros.perception.memory.spatial_memory import SeenImage
from talk2dino_ros.perception.space.camera_model import GeometryError
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.perception.space.patch_points import patch_points
from talk2dino_ros.perception.space.positions import FAR_M, NEAR_M
from talk2dino_ros.ros.bags.bag_index import BagIndex, indexed_topics
from talk2dino_ros.ros.bags.bag_reader import open_bag
from talk2dino_ros.ros.bags.bag_topics import IMAGE, TopicNames, choose_cameras
from talk2dino_ros.ros.conversions.compressed_images import compressed_to_rgb
from talk2dino_ros.ros.conversions.depth_messages import compressed_depth_to_metres, depth_image_to_metres
from talk2dino_ros.ros.conversions.image_pixels import image_to_rgb
from talk2dino_ros.ros.conversions.picture_header import size_in_header
from talk2dino_ros.ros.tf.transforms import TransformError
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.engine.vocabulary import Vocabulary
    from talk2dino_ros.ros.bags.bag_index import Recorded
    from talk2dino_ros.ros.bags.bag_reader import Bag

Rgb = NDArray[np.uint8]
ImageKey = tuple[str, int, tuple[float, float, float]]  # camera, stamp in ns, position in metres
# Errors by the reason under which images are counted, as the node does.
REASONS = (
    (TransformError, "no transform"),
    (GeometryError, "no depth"),
    (PoseError, "no pose"),
    (ImageError, "no image"),
)


@dataclass(frozen=True)
class BuildSettings:
    """frame: of the map. topics: of the cameras; rectified: their images are undistorted. The others as the node's
    parameters of these names."""

    frame: str
    topics: TopicNames
    rectified: bool
    keyframe_distance_m: float
    keyframe_angle_deg: float
    max_speed_mps: float
    depth_slop_s: float


@dataclass
class BuildReport:
    """made: keyframes that were not there before. rejected: images by reason, with the first sentence of each."""

    made: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    sentences: dict[str, str] = field(default_factory=dict)

    def reject(self, reason: str, error: Exception) -> None:
        """Count a rejected image."""
        self.rejected[reason] += 1
        self.sentences.setdefault(reason, str(error))

    def add(self, other: BuildReport) -> None:
        """Take in what was rejected elsewhere; what was made there is made anew here."""
        self.rejected += other.rejected
        self.sentences = {**other.sentences, **self.sentences}


class BagBuilder:
    """Remember the images of bags, by a function that is given each of them; it may raise RejectedImageError.

    known: camera, stamp and position of those that were; with the place, as two bags of a simulation may have the same
    stamps.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        settings: BuildSettings,
        known: set[ImageKey],
        remember: Callable[[SeenImage], object],
    ) -> None:
        self.report = BuildReport()
        self._segmenter = segmenter
        self._settings = settings
        self._known = known
        self._remember = remember
        self._words = any_words(segmenter)

    def build(self, bag: Bag, indexes: Sequence[BagIndex], on_image: Callable[[], None]) -> None:
        """Remember what is worth it of a bag's images, of all its cameras in the order of recording.

        Raises StoreError where it cannot be written.
        """
        settings = self._settings
        choice = KeyframeChoice(settings.keyframe_distance_m, settings.keyframe_angle_deg)
        gate = ImageGate(np.inf, settings.max_speed_mps)
        for _, number, image in sorted(_in_order(indexes), key=lambda each: each[:2]):
            try:
                self._take(bag, indexes[number], image, choice, gate)
            except RejectedImageError as error:
                self.report.reject(error.reason, error)
            except tuple(kind for kind, _ in REASONS) as error:
                self.report.reject(next(reason for kind, reason in REASONS if isinstance(error, kind)), error)
            on_image()

    def _take(self, bag: Bag, index: BagIndex, image: Recorded, choice: KeyframeChoice, gate: ImageGate) -> None:
        transform = index.transforms.lookup(self._settings.frame, image.frame_id.lstrip("/"), image.stamp_ns)
        x, y, z = transform.translation.tolist()
        pose = SensorPose((x, y, z), transform.quaternion)
        gate.check_motion(image.frame_id, image.stamp_ns, pose)
        if not choice.is_new(image.frame_id, image.stamp_ns, pose):
            return
        key = (image.frame_id, image.stamp_ns, pose.position)
        if key not in self._known:
            self._remember(self._seen(bag, index, image, pose))
            self._known.add(key)
            self.report.made += 1
        choice.took(image.frame_id, image.stamp_ns, pose)

    def _seen(self, bag: Bag, index: BagIndex, image: Recorded, pose: SensorPose) -> SeenImage:
        at = index.depth_of(image, round(self._settings.depth_slop_s * 1e9))
        rgb = read_rgb_of(bag, index.topics.image, bag.at(index.topics.image, image.recorded_ns, image.stamp_ns))
        metres = read_metres_of(bag, index.topics.depth, bag.at(index.topics.depth, at.recorded_ns, at.stamp_ns))
        own, of_depth = index.models_of(image)
        height, width = rgb.shape[:2]
        depth = Depth(metres, of_depth.for_image(metres.shape[1], metres.shape[0])).seen_by(
            own.for_image(width, height)
        )
        patches = self._segmenter.segment(rgb, self._words, return_patches=True).patches
        assert patches is not None  # as asked for
        centres = patches.centres.reshape(-1, 2)
        jpeg = small_jpeg(rgb)
        small_width, small_height = size_in_header(jpeg) or (width, height)
        scale = np.array([small_width / width, small_height / height])
        return SeenImage(
            image.stamp_ns,
            image.frame_id,
            pose,
            patches.features.reshape(len(centres), -1),
            pose.to_map(patch_points(depth, centres, patches.size, near_m=NEAR_M, far_m=FAR_M)),
            centres * scale,
            (patches.size[0] * float(scale[1]), patches.size[1] * float(scale[0])),
            jpeg,
        )


def _in_order(indexes: Sequence[BagIndex]) -> Iterator[tuple[int, int, Recorded]]:
    """Yield when each image was recorded, its camera's number, and the image."""
    for number, index in enumerate(indexes):
        for image in index.images:
            yield image.recorded_ns, number, image


def kind_of(segmenter: Segmenter, frame: str) -> FeatureKind:
    """Return what a segmenter's features in a frame are."""
    model = segmenter.model
    return FeatureKind(segmenter.feature_space, model.name, model.embedding_size, frame)


def known_images(store: KeyframeStore) -> set[ImageKey]:
    """Return which images a store has keyframes of."""
    return {(each.camera, each.stamp_ns, each.pose.position) for _, each in store}


def build_bag(builder: BagBuilder, path: Path, settings: BuildSettings, *, progress: bool) -> None:
    """Remember the images of the bag at a path; print to stderr what is flawed in it.

    progress: show bars. Raises BagError, StoreError.
    """
    name, disable = printable(path.name), not progress
    with open_bag(path) as bag:
        cameras, _ = choose_cameras(bag, settings.topics)
        total = sum(bag.count(indexed_topics(bag, topics)) for topics in cameras)
        with tqdm(total=total, unit="message", desc=f"{name}: stamps", leave=False, disable=disable) as bar:
            indexes = [BagIndex(bag, each, rectified=settings.rectified, on_message=bar.update) for each in cameras]
        for flaw in dict.fromkeys(flaw for index in indexes for flaw in index.flaws):
            print(f"warning: {printable(flaw)}", file=sys.stderr)
        images = sum(len(index.images) for index in indexes)
        with tqdm(total=images, unit="image", desc=name, disable=disable) as bar:
            builder.build(bag, indexes, bar.update)


def read_rgb_of(bag: Bag, topic: str, message: Any) -> Rgb:
    """Return the image of a message, uint8 [H, W, 3] RGB. Raises ImageError."""
    return np.ascontiguousarray(image_to_rgb(message) if bag.types[topic] == IMAGE else compressed_to_rgb(message))


def read_metres_of(bag: Bag, topic: str, message: Any) -> NDArray[np.float32]:
    """Return the depth of a message, float32 [h, w] metres. Raises GeometryError."""
    return depth_image_to_metres(message) if bag.types[topic] == IMAGE else compressed_depth_to_metres(message)


def any_words(segmenter: Segmenter) -> Vocabulary:
    """Return a vocabulary of one vector: a segmenter asks for words, and the patches go by none."""
    from talk2dino_ros.engine.vocabulary import Vocabulary

    return Vocabulary.from_embeddings(["anything"], np.eye(1, segmenter.model.embedding_size, dtype=np.float32))
