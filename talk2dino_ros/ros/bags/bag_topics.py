# SPDX-License-Identifier: Apache-2.0
"""Which topics of a bag are the camera's: by their types, or by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from talk2dino_ros.ros.bags.bag_reader import Bag, BagError
from talk2dino_ros.ros.conversions.encodings import DEPTH_ENCODINGS

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
CAMERA_INFO, TF = "sensor_msgs/msg/CameraInfo", "tf2_msgs/msg/TFMessage"
TF_STATIC = "/tf_static"
_DEPTH = {*DEPTH_ENCODINGS, "mono16"}


@dataclass(frozen=True)
class CameraTopics:
    """Topics of one camera. depth_info: "" where the image's holds for the depth too."""

    image: str
    depth: str
    info: str
    depth_info: str = ""


def choose_topics(bag: Bag, image: str = "", depth: str = "", info: str = "", depth_info: str = "") -> CameraTopics:
    """Return the topics; those that are named, and for the others the only ones that it can be.

    A camera_info is that beside its image; of a raw and a compressed topic of one image the raw one is taken. Raises
    BagError that lists what there is, where one is missing or there are several.
    """
    encodings = {topic: _encoding(bag, topic) for topic, kind in bag.types.items() if kind in (IMAGE, COMPRESSED)}
    depths = [topic for topic, encoding in encodings.items() if encoding in _DEPTH]
    colours = [topic for topic, encoding in encodings.items() if encoding not in {*_DEPTH, ""}]
    infos = [topic for topic, kind in bag.types.items() if kind == CAMERA_INFO]
    image = _the_one(bag, "image", image, _without_twins(colours), list(encodings))
    depth = _the_one(bag, "depth", depth, _without_twins(depths), list(encodings))
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
