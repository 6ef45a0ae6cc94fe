# SPDX-License-Identifier: Apache-2.0
"""Which topics of a bag are a camera's: by their types and namespaces, or by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.ros.bags.bag_reader import Bag, BagError
from talk2dino_ros.ros.conversions.encodings import DEPTH_ENCODINGS

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
CAMERA_INFO, TF = "sensor_msgs/msg/CameraInfo", "tf2_msgs/msg/TFMessage"
TF_STATIC = "/tf_static"
PACKETS = {"Packet", "FFMPEGPacket"}  # of video: theora_image_transport, ffmpeg_image_transport, foxglove and others
_KINDS = ("image", "depth", "camera-info", "depth-camera-info")
_DEPTH = {*DEPTH_ENCODINGS, "mono16"}


@dataclass(frozen=True)
class CameraTopics:
    """Topics of one camera, "" for what there is none of. depth_info: "" where the image's holds for the depth too."""

    image: str
    depth: str
    info: str
    depth_info: str = ""

    @property
    def all(self) -> list[str]:
        """Those that there are."""
        return [each for each in (self.image, self.depth, self.info, self.depth_info) if each]


@dataclass(frozen=True)
class TopicNames:
    """Topics that a person has named: none of a kind, or one for each camera, in the same order."""

    image: Sequence[str] = ()
    depth: Sequence[str] = ()
    info: Sequence[str] = ()
    depth_info: Sequence[str] = ()


def choose_cameras(bag: Bag, names: TopicNames) -> tuple[list[CameraTopics], list[str]]:
    """Return the topics of each camera, and a sentence on each image topic that is left out as it has no depth.

    Without names these are all that have depth: that with which they share most of their namespace, or the only one. A
    camera_info is that beside its image; of a raw and a compressed topic of one image the raw one is taken. Raises
    BagError that lists what there is, where one is missing or there are several.
    """
    images, named = _ImageTopics(bag), _named(names)
    if named:
        return [images.camera(*each) for each in named], []
    found = images.with_depth()
    return [images.camera(image) for image in found or [""]], [
        f"{topic} has no depth in its namespace and is left out; name both by --image-topic and --depth-topic"
        for topic in images.colours
        if found and topic not in found
    ]


def find_cameras(bag: Bag, names: TopicNames) -> list[CameraTopics]:
    """Return the topics of each camera, also of one without depth or camera_info.

    Without names these are all image topics, each with the depth that belongs to it and to no other. Raises BagError
    that lists what there is, where there is no image or not what is named.
    """
    images = _ImageTopics(bag)
    named = _named(names) or [(image, "", "", "") for image in images.colours]
    if not named:
        raise _no_image(bag)
    return [images.any_camera(*each) for each in named]


def _named(names: TopicNames) -> list[tuple[str, ...]]:
    """Return what a person has named of each camera; raise BagError for a kind that is named for some of them."""
    kinds = (names.image, names.depth, names.info, names.depth_info)
    count = max(map(len, kinds))
    for what, given in zip(_KINDS, kinds, strict=True):
        if len(given) not in (0, count):
            raise BagError(
                f"--{what}-topic is given {counted(len(given), 'time')}, and another topic {counted(count, 'time')}, "
                "expected one for each camera in the same order, or none; give as many"
            )
    return [*zip(*(given or [""] * count for given in kinds), strict=True)]


class _ImageTopics:
    """The image topics of a bag, raw or compressed, without those that are another's twin, and its camera_infos."""

    def __init__(self, bag: Bag) -> None:
        self._bag = bag
        encodings = {topic: _encoding(bag, topic) for topic, kind in bag.types.items() if kind in (IMAGE, COMPRESSED)}
        self._all = list(encodings)
        self._depths = _without_twins([topic for topic, encoding in encodings.items() if encoding in _DEPTH])
        self.colours = _without_twins([topic for topic, encoding in encodings.items() if encoding not in {*_DEPTH, ""}])
        self._infos = [topic for topic, kind in bag.types.items() if kind == CAMERA_INFO]

    def with_depth(self) -> list[str]:
        """Return the colour topics to which a depth belongs. Raises BagError where one may belong to several."""
        found = []
        for depth in self._depths:
            owners = _nearest(depth, self.colours)
            if len(owners) > 1:
                raise _missing(self._bag, "image", "", owners)
            found += owners
        return sorted(set(found))

    def camera(self, image: str = "", depth: str = "", info: str = "", depth_info: str = "") -> CameraTopics:
        """Return the topics of one camera: those that are named, and for the others the only ones that it can be."""
        bag, infos = self._bag, self._infos
        image = _the_one(bag, "image", image, self.colours, self._all)
        depth = _the_one(bag, "depth", depth, _nearest(image, self._depths), self._all)
        info = _the_one(bag, "camera-info", info, _beside(image, infos), infos)
        if not depth_info:
            own = _own_info(depth)
            depth_info = own if own in infos and own != info else ""
        elif depth_info not in infos:
            raise _missing(bag, "depth-camera-info", depth_info, infos)
        return CameraTopics(image, depth, info, depth_info)

    def any_camera(self, image: str, depth: str, info: str, depth_info: str) -> CameraTopics:
        """Return the topics of a camera that may lack all but the image; its own are taken, and no other's."""
        image = _the_one(self._bag, "image", image, self.colours, self._all)
        depths = [each for each in _nearest(image, self._depths) if _nearest(each, self.colours) == [image]]
        if depth or len(depths) == 1:
            depth = _the_one(self._bag, "depth", depth, depths, self._all)
        own = _own_info(image)
        if info or own in self._infos:
            info = _the_one(self._bag, "camera-info", info, [own], self._infos)
        elif len(self._infos) == len(self.colours) == 1:
            info = self._infos[0]
        of_depth = _own_info(depth)
        if depth_info or (depth and of_depth in self._infos and of_depth != info):
            depth_info = _the_one(self._bag, "depth-camera-info", depth_info, [of_depth], self._infos)
        return CameraTopics(image, depth, info, depth_info)


def camera_names(cameras: Sequence[CameraTopics]) -> list[str]:
    """Return a name for each camera: "" for the only one, else its namespace, such as `front_color`."""
    if len(cameras) == 1:
        return [""]
    names = ["_".join(filter(None, _base(each.image).split("/")[:-1])) for each in cameras]
    is_name = [bool(re.match(r"[A-Za-z][A-Za-z0-9_]*\Z", name)) and names.count(name) == 1 for name in names]
    return [name if is_name[number] else f"camera_{number + 1}" for number, name in enumerate(names)]


def transform_topics(bag: Bag) -> list[str]:
    """Return the topics of transforms."""
    return [topic for topic, kind in bag.types.items() if kind == TF]


def tf_topics(bag: Bag) -> list[str]:
    """Return the topics of transforms; raise BagError where there is none."""
    topics = transform_topics(bag)
    if not topics:
        raise BagError(f"{bag.path} has no transforms, expected /tf and /tf_static; record them too")
    return topics


def is_static(topic: str) -> bool:
    """Whether a topic of transforms has the static ones."""
    return topic.endswith(TF_STATIC)


def _encoding(bag: Bag, topic: str) -> str:
    """Return the encoding of a topic's first image; "" where there is none."""
    first = bag.first(topic)
    if first is None:
        return ""
    return str(first.encoding if bag.types[topic] == IMAGE else first.format).split(";")[0].strip()


def _base(topic: str) -> str:
    """Return a topic without the ending that image_transport adds."""
    return topic.removesuffix("/compressedDepth").removesuffix("/compressed")


def _without_twins(topics: Sequence[str]) -> list[str]:
    return [topic for topic in topics if _base(topic) == topic or _base(topic) not in topics]


def _nearest(topic: str, others: Sequence[str]) -> list[str]:
    """Return those that share most of a topic's namespace: the only one in any case, else none that shares nothing."""
    shared = {other: _shared(topic, other) for other in others}
    most = max(shared.values(), default=0)
    return [other for other in others if shared[other] == most and (most or len(others) == 1)]


def _shared(one: str, other: str) -> int:
    """Return how many names two topics have in common from the left."""
    pairs = zip(one.split("/")[1:-1], other.split("/")[1:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _own_info(image: str) -> str:
    """Return the topic of the camera_info beside an image."""
    return f"{_base(image).rpartition('/')[0]}/camera_info"


def _beside(image: str, infos: Sequence[str]) -> list[str]:
    own = _own_info(image)
    return [own] if own in infos else list(infos)


def _the_one(bag: Bag, what: str, named: str, found: Sequence[str], all_of_type: Sequence[str]) -> str:
    if named:
        if named not in all_of_type:
            raise _missing(bag, what, named, all_of_type)
        return named
    if len(found) != 1:
        raise _missing(bag, what, "", found or all_of_type)
    return found[0]


def _no_image(bag: Bag) -> BagError:
    """Say that there is no image to segment, and what there is."""
    listed = ", ".join(f"{topic} ({kind})" for topic, kind in sorted(bag.types.items())) or "nothing"
    packed = [topic for topic, kind in bag.types.items() if kind.rpartition("/")[2] in PACKETS]
    remedy = (
        f"turn {packed[0]} into images by `ros2 run image_transport republish`, and record these"
        if packed
        else "record the camera's images too"
    )
    return BagError(f"{bag.path} has no topic with images, but {listed}; expected {IMAGE} or {COMPRESSED}; {remedy}")


def _missing(bag: Bag, what: str, named: str, there: Iterable[str]) -> BagError:
    listed = ", ".join(sorted(there))
    asked = f"no topic {named} for the {what}" if named else f"no one topic that is the {what}"
    return BagError(
        f"{bag.path} has {asked}, but {listed or 'none of its type'}; name one by --{what}-topic"
        if listed
        else f"{bag.path} has {asked}, and none of its type; record it too"
    )
