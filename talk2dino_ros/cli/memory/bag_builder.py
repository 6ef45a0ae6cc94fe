# SPDX-License-Identifier: Apache-2.0
"""Remember the images of a bag, as the node memory does those of a robot.

What has been done is told by the memory itself: a keyframe that it has is not made again. All else is decided anew from
the bag, in the same order, so that a build that was killed goes on to the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.perception.memory.disk.keyframe_store import FeatureKind
from talk2dino_ros.perception.memory.image_gate import ImageGate, RejectedImageError
from talk2dino_ros.perception.memory.keyframe import KeyframeChoice
from talk2dino_ros.perception.memory.remembered_view import small_jpeg
from talk2dino_ros.perception.memory.sensor_pose import PoseError, SensorPose
from talk2dino_ros.perception.memory.spatial_memory import SeenImage
from talk2dino_ros.perception.space.camera_model import GeometryError
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.perception.space.patch_points import patch_points
from talk2dino_ros.perception.space.positions import FAR_M, NEAR_M
from talk2dino_ros.ros.bags.bag_topics import IMAGE
from talk2dino_ros.ros.conversions.compressed_images import compressed_to_rgb
from talk2dino_ros.ros.conversions.depth_messages import compressed_depth_to_metres, depth_image_to_metres
from talk2dino_ros.ros.conversions.image_pixels import image_to_rgb
from talk2dino_ros.ros.conversions.picture_header import size_in_header
from talk2dino_ros.ros.tf.transforms import TransformError

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.engine.vocabulary import Vocabulary
    from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory
    from talk2dino_ros.ros.bags.bag_index import BagIndex, Recorded
    from talk2dino_ros.ros.bags.bag_reader import Bag

Rgb = NDArray[np.uint8]
# Errors by the reason under which images are counted, as the node does.
REASONS = (
    (TransformError, "no transform"),
    (GeometryError, "no depth"),
    (PoseError, "no pose"),
    (ImageError, "no image"),
)


@dataclass(frozen=True)
class BuildSettings:
    """frame: of the map. The others as the node's parameters of these names."""

    frame: str
    keyframe_distance_m: float
    keyframe_angle_deg: float
    max_speed_mps: float
    depth_slop_s: float


class BagBuilder:
    """Remember the images of one bag.

    made: keyframes that were not there before. rejected: images by reason, with the first sentence.
    """

    def __init__(self, memory: SpatialMemory, segmenter: Segmenter, settings: BuildSettings) -> None:
        self.made = 0
        self.rejected: Counter[str] = Counter()
        self.sentences: dict[str, str] = {}
        self._memory = memory
        self._segmenter = segmenter
        self._settings = settings
        self._words = any_words(segmenter)
        self._kind = FeatureKind(
            segmenter.feature_space, segmenter.model.name, segmenter.model.embedding_size, settings.frame
        )
        memory.store.check_kind(self._kind)
        # with the place, as two bags of a simulation may have the same stamps
        self._known = {(each.camera, each.stamp_ns, each.pose.position) for _, each in memory.store}

    def build(self, bag: Bag, index: BagIndex, on_image: Callable[[], None]) -> None:
        """Remember what is worth it of a bag's images; raise StoreError where it cannot be written."""
        settings = self._settings
        choice = KeyframeChoice(settings.keyframe_distance_m, settings.keyframe_angle_deg)
        gate = ImageGate(np.inf, settings.max_speed_mps)
        for image in index.images:
            try:
                self._take(bag, index, image, choice, gate)
            except RejectedImageError as error:
                self._reject(error.reason, error)
            except tuple(kind for kind, _ in REASONS) as error:
                self._reject(next(reason for kind, reason in REASONS if isinstance(error, kind)), error)
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
            self._memory.remember(self._seen(bag, index, image, pose), self._kind)
            self._known.add(key)
            self.made += 1
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

    def _reject(self, reason: str, error: Exception) -> None:
        self.rejected[reason] += 1
        self.sentences.setdefault(reason, str(error))


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
