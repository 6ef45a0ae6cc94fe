# SPDX-License-Identifier: Apache-2.0
"""Which topics of a bag are a camera's: by their types and namespaces, or by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from talk2dino_ros.ros.bags.bag_reader import Bag, BagError
from talk2dino_ros.ros.conversions.encodings import DEPTH_ENCODINGS

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
CAMERA_INFO, TF = "sensor_msgs/msg/CameraInfo", "tf2_msgs/msg/TFMessage"
TF_STATIC = "/tf_static"
_KINDS = ("image", "depth", "camera-info", "depth-camera-info")
_DEPTH = {*DEPTH_ENCODINGS, "mono16"}


@dataclass(frozen=True)
class CameraTopics:
    """Topics of one camera. depth_info: "" where the image's holds for the depth too."""

    image: str
    depth: str
    info: str
    depth_info: str = ""


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
    kinds = (names.image, names.depth, names.info, names.depth_info)
    count = max(map(len, kinds))
    for what, given in zip(_KINDS, kinds, strict=True):
        if len(given) not in (0, count):
            raise BagError(
                f"--{what}-topic is given {len(given)} times, and another topic {count} times, expected one for each "
                "camera in the same order, or none; give as many"
            )
    images = _ImageTopics(bag)
    if count:
        named = zip(*(given or [""] * count for given in kinds), strict=True)
        return [images.camera(*each) for each in named], []
    found = images.with_depth()
    return [images.camera(image) for image in found or [""]], [
        f"{topic} has no depth in its namespace and is left out; name both by --image-topic and --depth-topic"
        for topic in images.colours
        if found and topic not in found
    ]


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
            own = f"{_base(depth).rpartition('/')[0]}/camera_info"
            depth_info = own if own in infos and own != info else ""
        elif depth_info not in infos:
            raise _missing(bag, "depth-camera-info", depth_info, infos)
        return CameraTopics(image, depth, info, depth_info)


def tf_topics(bag: Bag) -> list[str]:
    """Return the topics of transforms; raise BagError where there is none."""
    topics = [topic for topic, kind in bag.types.items() if kind == TF]
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


def _beside(image: str, infos: Sequence[str]) -> list[str]:
    own = f"{_base(image).rpartition('/')[0]}/camera_info"
    return [own] if own in infos else list(infos)


def _the_one(bag: Bag, what: str, named: str, found: Sequence[str], all_of_type: Sequence[str]) -> str:
    if named:
        if named not in all_of_type:
            raise _missing(bag, what, named, all_of_type)
        return named
    if len(found) != 1:
        raise _missing(bag, what, "", found or all_of_type)
    return found[0]


def _missing(bag: Bag, what: str, named: str, there: Iterable[str]) -> BagError:
    listed = ", ".join(sorted(there))
    asked = f"no topic {named} for the {what}" if named else f"no one topic that is the {what}"
    return BagError(
        f"{bag.path} has {asked}, but {listed or 'none of its type'}; name one by --{what}-topic"
        if listed
        else f"{bag.path} has {asked}, and none of its type; record it too"
    )
