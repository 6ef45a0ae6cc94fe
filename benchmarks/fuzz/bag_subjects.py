# SPDX-License-Identifier: Apache-2.0
"""Recorded runs: bags with damaged bytes, cut off, with a metadata.yaml that lies, or with other bags' topics.

Each is read as `talk2dino memory build` reads it, and replayed as `talk2dino replay` does, by a segmenter that knows
one class.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from benchmarks.fuzz.mutations import mutated, text
from benchmarks.fuzz.trial import NothingKeptError, Subject
from talk2dino_ros.cli.memory.bag_builder import REASONS, read_metres_of, read_rgb_of
from talk2dino_ros.engine import Segmentation, Vocabulary
from talk2dino_ros.engine.options import Options
from talk2dino_ros.ros.bags.bag_index import BagIndex
from talk2dino_ros.ros.bags.bag_reader import Bag, open_bag
from talk2dino_ros.ros.bags.bag_topics import TopicNames, choose_cameras
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
from talk2dino_ros.segmenter.pipeline import ActiveConfiguration
from talk2dino_ros.segmenter.replay.replay_output import ReplayOutput
from talk2dino_ros.segmenter.replay.replay_run import ReplayJob, ReplayPlan, plan_replay

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter

Files = dict[str, bytes]  # of a bag's folder, by name
SECOND = 10**9
_SLOP_NS = SECOND // 10
_WORDS = (b"mcap", b"sqlite3", b"cdr", b"rosbag2_bagfile_information", b"sensor_msgs/msg/Image", b"files:", b"version:")


# parts of definitions, and of messages with what stands before them: a random place seldom is one of these
_AIMS = (
    *(b"float64", b"uint32 ", b"uint8[]", b"frame_id", b"builtin_interfaces/Time", b"string", b"geometry_msgs/"),
    *(b"rgb8", b"16UC1", b"optical", b"plumb_bob", b"map\0", b"base\0"),
)
_PAGE = 4096  # bytes


class _Recording:
    """A bag of a camera with depth, two images of 4 x 4 pixels, and its transforms."""

    def __init__(self, folder: Path, plugin: str) -> None:
        from rosbags.rosbag2 import StoragePlugin, Writer
        from rosbags.typesys import Stores, get_typestore

        self._types = get_typestore(Stores.ROS2_HUMBLE)
        with Writer(folder / "bag", version=9, storage_plugin=StoragePlugin[plugin]) as self._writer:
            self._put("/tf_static", "tf2_msgs/msg/TFMessage", SECOND, [self._transform(0)])
            for number in (1, 2):
                at_ns = number * SECOND
                self._put("/camera/color/image_raw", "sensor_msgs/msg/Image", at_ns, *self._pixels("rgb8", 3))
                self._put("/camera/depth/image_raw", "sensor_msgs/msg/Image", at_ns, *self._pixels("16UC1", 2))
                self._put("/camera/color/camera_info", "sensor_msgs/msg/CameraInfo", at_ns, *self._info())
                self._put("/tf", "tf2_msgs/msg/TFMessage", at_ns, [self._transform(at_ns)])

    def _put(self, topic: str, kind: str, at_ns: int, *values: Any) -> None:
        known = {each.topic: each for each in self._writer.connections}
        connection = known.get(topic) or self._writer.add_connection(topic, kind, typestore=self._types)
        head = () if kind.endswith("TFMessage") else (self._header(at_ns, "optical"),)
        self._writer.write(connection, at_ns, self._types.serialize_cdr(self._make(kind, *head, *values), kind))

    def _make(self, kind: str, *values: Any) -> Any:
        return self._types.types[kind](*values)

    def _header(self, at_ns: int, frame: str) -> Any:
        stamp = self._make("builtin_interfaces/msg/Time", at_ns // SECOND, at_ns % SECOND)
        return self._make("std_msgs/msg/Header", stamp, frame)

    def _pixels(self, encoding: str, size: int) -> tuple[Any, ...]:
        return 4, 4, encoding, 0, 4 * size, np.full(16 * size, 7, np.uint8)

    def _info(self) -> tuple[Any, ...]:
        k = np.array([4.0, 0, 1.5, 0, 4.0, 1.5, 0, 0, 1])
        p = np.array([4.0, 0, 1.5, 0, 0, 4.0, 1.5, 0, 0, 0, 1, 0])
        roi = self._make("sensor_msgs/msg/RegionOfInterest", 0, 0, 0, 0, False)
        return 4, 4, "plumb_bob", np.zeros(5), k, np.eye(3).ravel(), p, 0, 0, roi

    def _transform(self, at_ns: int) -> Any:
        parent, child = ("base", "optical") if not at_ns else ("map", "base")
        turn = self._make("geometry_msgs/msg/Quaternion", 0.0, 0.0, 0.0, 1.0)
        pose = self._make("geometry_msgs/msg/Transform", self._make("geometry_msgs/msg/Vector3", 1.0, 0.0, 0.0), turn)
        header = self._header(at_ns, parent)
        return self._make("geometry_msgs/msg/TransformStamped", header, child, pose)


@cache
def _bag(plugin: str) -> Files:
    with tempfile.TemporaryDirectory() as folder:
        _Recording(Path(folder), plugin)
        return {path.name: path.read_bytes() for path in (Path(folder) / "bag").iterdir()}


def _damaged(choice: Random, plugin: str) -> Files:
    files = dict(_bag(plugin))
    recorded = next(name for name in files if name != "metadata.yaml")
    name = "metadata.yaml" if choice.random() < 0.3 else recorded
    kind = choice.randrange(12)
    if kind == 0 and len(files) > 1:
        del files[name]
    elif kind == 1:
        files[name] = files[name].replace(choice.choice(_WORDS), text(choice).encode(errors="replace"))
    elif kind == 2:
        other = _bag("MCAP" if plugin == "SQLITE3" else "SQLITE3")
        files[recorded] = other[next(each for each in other if each != "metadata.yaml")]
    elif kind < 8:
        files[name] = mutated(choice, files[name])
    else:
        files[recorded] = _aimed(choice, files[recorded])
    return files


def _aimed(choice: Random, data: bytes) -> bytes:
    """Return bytes with one bit turned in one of _AIMS, in the length before it, or in the head of a page of SQLite."""
    aim, result = choice.choice(_AIMS), bytearray(data)
    if data.startswith(b"SQLite") and choice.random() < 0.5:
        place = _PAGE * choice.randrange(1, len(data) // _PAGE) + choice.randrange(12)
    else:
        places = [found.start() for found in re.finditer(re.escape(aim), data)]
        place = choice.choice(places) + choice.randrange(-4, len(aim))
    result[place] ^= 1 << choice.randrange(8)
    return bytes(result)


def _laid(files: Files, folder: Path) -> Path:
    path = folder / "bag"
    path.mkdir()
    for name, data in files.items():
        (path / name).write_bytes(data)
    return path


def _read(files: Files, folder: Path) -> object:
    """Read a bag as `talk2dino memory build` does, without the network."""
    with open_bag(_laid(files, folder)) as bag:
        cameras, _ = choose_cameras(bag, TopicNames())
        indexes = [BagIndex(bag, each, rectified=False, on_message=lambda: None) for each in cameras]
        read = [_see(bag, index) for index in indexes]
    if not all(read):
        raise NothingKeptError("some images are left out; that is said")
    return read


def _see(bag: Bag, index: BagIndex) -> bool:
    """Look at each image with its depth and its place; return whether all have both."""
    whole = True
    for image in index.images:
        try:
            transform = index.transforms.lookup("map", image.frame_id.lstrip("/"), image.stamp_ns)
            at = index.depth_of(image, _SLOP_NS)
            rgb = read_rgb_of(bag, index.topics.image, bag.at(index.topics.image, image.recorded_ns, image.stamp_ns))
            depth = read_metres_of(bag, index.topics.depth, bag.at(index.topics.depth, at.recorded_ns, at.stamp_ns))
            for model in index.models_of(image):
                model.for_image(rgb.shape[1], rgb.shape[0])
            assert np.isfinite(transform.apply(np.ones((1, 3)))).all()
            assert depth.ndim == 2
        except tuple(kind for kind, _ in REASONS):
            whole = False
    return whole


class _OneClass:
    """A segmenter to which every pixel is a cup."""

    options, model = Options(), SimpleNamespace(name="one class", logit_scale=14.0)
    feature_space, device, precision = "none", "cpu", "fp32"

    def segment(self, images: Sequence[Any], *_asked: Any, **_named: Any) -> list[Segmentation]:
        ones = [np.ones(image.shape[:2], np.uint8) for image in images]
        return [Segmentation(each, 200 * each, answers={}) for each in ones]


def _replay(files: Files, folder: Path) -> object:
    """Replay a bag as `talk2dino replay` does; what it has written has to be whole, whatever the bag is."""
    path = _laid(files, folder)
    cup = Vocabulary.from_embeddings(["cup"], [[1.0]]).with_ids([1], SECOND)
    parameters = Parameters(target_frame="map", min_area_share=0.01)
    active = ActiveConfiguration(cast("Segmenter", _OneClass()), cup, parameters)
    with open_bag(path, is_forgiving=True) as bag:
        plan = plan_replay(bag, TopicNames(), ("",))
        output, readable = ReplayOutput(folder / "replayed", path), _readable_images(bag, plan)
        outcome = ReplayJob(bag, plan, [(0, active)], output).run(lambda: None)
    masks = sum(camera.masks for camera in outcome.cameras)
    with open_bag(output.path) as written:
        assert written.count([topic for topic in written.types if topic.endswith("/mask")]) == masks
    tried = sum(camera.images for camera in outcome.cameras)
    assert tried == readable, f"{tried} images are replayed, and {readable} can be read"
    told = [*outcome.losses, *outcome.report.problems, *outcome.report.reasons.values(), *outcome.report.flaws]
    if outcome.losses or outcome.report.problems:
        raise NothingKeptError("; ".join(map(str, told)))
    return masks


def _readable_images(bag: Bag, plan: ReplayPlan) -> int:
    """Count the images that can be unpacked, each by itself: damage to one takes no other with it."""
    images = {each.image for each in plan.cameras.values()}
    connections = [each for topic in plan.topics for each in bag._connections[topic] if bag._is_readable(each)]
    count = 0
    with suppress(Exception):  # rosbags has no family of errors
        for connection, _, data in bag._reader.messages(connections) if connections else ():
            if connection.topic in images:
                with suppress(Exception):
                    bag._reader.deserialize(data, connection.msgtype)
                    count += 1
    return count


BAG_SUBJECTS = (
    Subject("mcap bag", lambda choice: _damaged(choice, "MCAP"), _read),
    Subject("sqlite bag", lambda choice: _damaged(choice, "SQLITE3"), _read),
    Subject("replayed mcap bag", lambda choice: _damaged(choice, "MCAP"), _replay),
    Subject("replayed sqlite bag", lambda choice: _damaged(choice, "SQLITE3"), _replay),
)
