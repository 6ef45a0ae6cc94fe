# SPDX-License-Identifier: Apache-2.0
"""What a bag has of a camera, without its pixels: stamps of images and depth, camera models, and all transforms."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError
from talk2dino_ros.ros.bags.bag_reader import Bag
from talk2dino_ros.ros.bags.bag_topics import CameraTopics, is_static, tf_topics
from talk2dino_ros.ros.conversions.depth_messages import camera_info_to_model
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns
from talk2dino_ros.ros.tf.recorded_transforms import RecordedTransforms


@dataclass(frozen=True)
class Recorded:
    """A message of a bag: its stamp and when it was recorded, in ns, and its frame."""

    stamp_ns: int
    recorded_ns: int
    frame_id: str


@dataclass
class ByStamp:
    """Values by stamp, of which the nearest is looked for."""

    stamps: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def put(self, stamp_ns: int, value: Any) -> None:
        """Add a value; it replaces one of the same stamp."""
        index = bisect_left(self.stamps, stamp_ns)
        same = index < len(self.stamps) and self.stamps[index] == stamp_ns
        self.stamps[index : index + same] = [stamp_ns]
        self.values[index : index + same] = [value]

    def nearest(self, stamp_ns: int) -> tuple[int, Any] | None:
        """Return the nearest stamp, of two as near the older, and its value; None where there is none."""
        after = bisect_left(self.stamps, stamp_ns)
        around = [index for index in (after - 1, after) if 0 <= index < len(self.stamps)]
        index = min(around, key=lambda each: abs(self.stamps[each] - stamp_ns), default=None)
        return None if index is None else (self.stamps[index], self.values[index])

    def newest_until(self, stamp_ns: int) -> Any | None:
        """Return the value of the newest stamp that is not after this one, else of the first; None where none is."""
        after = bisect_right(self.stamps, stamp_ns)
        return self.values[max(0, after - 1)] if self.values else None


class BagIndex:
    """One pass over a bag. images: in the order of recording; of one stamp the first.

    rectified: the images are undistorted, so that camera_info's P holds. flaws: sentences on transforms that were
    dropped, each once.
    """

    def __init__(self, bag: Bag, topics: CameraTopics, *, rectified: bool, on_message: Callable[[], None]) -> None:
        self.topics = topics
        self.images: list[Recorded] = []
        self.transforms = RecordedTransforms()
        self.flaws: dict[str, None] = {}
        self._rectified = rectified
        self._depths, self._infos, self._depth_infos = ByStamp(), ByStamp(), ByStamp()
        self._seen: set[int] = set()
        frames = tf_topics(bag)
        for topic, recorded_ns, message in bag.messages(indexed_topics(bag, topics)):
            if topic in frames:
                self._take_transforms(message, is_static(topic))
            else:
                self._take(topic, recorded_ns, message)
            on_message()

    def depth_of(self, image: Recorded, slop_ns: int) -> Recorded:
        """Return the depth image nearest to an image. Raises GeometryError where none is within slop_ns."""
        found = self._depths.nearest(image.stamp_ns)
        if found is None or abs(found[0] - image.stamp_ns) > slop_ns:
            off = (
                "there is none"
                if found is None
                else f"the nearest is {abs(found[0] - image.stamp_ns) / 1e6:.1f} ms off"
            )
            raise GeometryError(f"no depth image within {slop_ns / 1e6:g} ms of the image: {off}; raise --depth-slop-s")
        depth: Recorded = found[1]
        if depth.frame_id.lstrip("/") != image.frame_id.lstrip("/"):
            raise GeometryError(
                f"the depth is in the frame {depth.frame_id!r} and the image in {image.frame_id!r}, expected depth "
                "that is registered to the image; name that by --depth-topic"
            )
        return depth

    def models_of(self, image: Recorded) -> tuple[CameraModel, CameraModel]:
        """Return the models of an image and of its depth, by the newest camera_info of then. Raises GeometryError."""
        own = self._model(self._infos, image.stamp_ns)
        return own, self._model(self._depth_infos, image.stamp_ns) if self._depth_infos.stamps else own

    def _model(self, infos: ByStamp, stamp_ns: int) -> CameraModel:
        found = infos.newest_until(stamp_ns)
        if found is None:
            raise GeometryError(f"there is no camera_info on {self.topics.info}, expected one; record it too")
        return camera_info_to_model(found, rectified=self._rectified)

    def _take(self, topic: str, recorded_ns: int, message: Any) -> None:
        stamp_ns = stamp_to_ns(message.header.stamp)
        recorded = Recorded(stamp_ns, recorded_ns, str(message.header.frame_id))
        if topic == self.topics.image and stamp_ns not in self._seen:
            self._seen.add(stamp_ns)
            self.images.append(recorded)
        elif topic == self.topics.depth:
            self._depths.put(stamp_ns, recorded)
        elif topic == self.topics.info:
            _put_changed(self._infos, stamp_ns, message)
        elif topic == self.topics.depth_info:
            _put_changed(self._depth_infos, stamp_ns, message)

    def _take_transforms(self, message: Any, static: bool) -> None:
        for transform in message.transforms:
            if flaw := self.transforms.add(transform, static):
                self.flaws[flaw] = None


def indexed_topics(bag: Bag, topics: CameraTopics) -> list[str]:
    """Return all topics that an index reads."""
    own = (topics.image, topics.depth, topics.info, topics.depth_info)
    return [*dict.fromkeys([*filter(None, own), *tf_topics(bag)])]


def _put_changed(infos: ByStamp, stamp_ns: int, info: Any) -> None:
    """Keep a camera_info unless it says what the one before it does: an hour has a hundred thousand."""
    before = infos.newest_until(stamp_ns)
    if before is None or _content(before) != _content(info):
        infos.put(stamp_ns, info)


def _content(info: Any) -> tuple[Any, ...]:
    roi = info.roi
    numbers = [info.width, info.height, info.binning_x, info.binning_y]
    numbers += [roi.x_offset, roi.y_offset, roi.width, roi.height]
    return (info.distortion_model, *numbers, *info.d, *info.k, *info.p)
