# SPDX-License-Identifier: Apache-2.0
"""From what a person names on the command line to sources of images: pictures, videos, cameras and bags."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.ros.bags.bag_reader import BagError, open_bag
from talk2dino_ros.ros.bags.bag_topics import CameraTopics, TopicNames, camera_names, find_cameras
from talk2dino_ros.viz import videos
from talk2dino_ros.viz.pictures import SUFFIXES, find_pictures, hidden_ones
from talk2dino_ros.viz.result_names import result_names

BAG_SUFFIXES = (".mcap", ".db3")
STREAMS = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://")
ALL_SUFFIXES = SUFFIXES + videos.SUFFIXES + BAG_SUFFIXES
_CAMERA_FILES = "/dev/video"


@dataclass(frozen=True)
class ImageSource:
    """One picture, or one stream of images: a video, a camera, or a topic of a bag.

    kind: picture, video, camera or bag. address: a path, of a camera what OpenCV opens. topic: of a bag.
    name: of its results, different from all others' in a folder.
    """

    kind: str
    address: str
    topic: str = ""
    name: str = ""

    @property
    def shown(self) -> str:
        """The address for people and files: without the password that a camera's may have."""
        return without_password(self.address)

    @property
    def key(self) -> tuple[str, str]:
        """What it is, wherever the command is run."""
        is_file = self.kind != "camera"
        return (os.path.realpath(self.address) if is_file else self.address), self.topic

    @property
    def is_stream(self) -> bool:
        """Whether it has several images in an order."""
        return self.kind != "picture"


def find_sources(named: Sequence[str], topics: TopicNames) -> tuple[list[ImageSource], list[str]]:
    """List the sources, each once, and a sentence on each file that is left out.

    Raises ImageError for what does not exist or is of no known kind, for a pattern that matches nothing and for a
    folder without images.
    """
    found: dict[tuple[str, str], ImageSource] = {}
    left_out: list[str] = []
    for text in named:
        try:
            sources = list(_sources_of(text, topics, left_out))
        except BagError as error:
            left_out.append(str(error))
            continue
        for source in sources:
            found.setdefault(source.key, source)
    return list(found.values()), left_out


def named_sources(
    sources: Sequence[ImageSource],
    known: Mapping[tuple[str, str], str] = MappingProxyType({}),
    is_free: Callable[[str], bool] = lambda name: True,
    moment: str = "",
) -> list[ImageSource]:
    """Return the sources with names: those of an earlier run by their keys, for the others new ones.

    is_free: whether results may have a name. moment: stands in a camera's name, whose images never come again.
    """
    new = [source for source in sources if source.key not in known]
    labels = dict(zip([source.key for source in new], _labels(new, moment), strict=True))
    names = result_names(list(labels.values()), is_free)
    chosen = {**known, **dict(zip(labels, names, strict=True))}
    return [ImageSource(each.kind, each.address, each.topic, chosen[each.key]) for each in sources]


def without_password(address: str) -> str:
    """Return a URL without user and password; anything else as it is."""
    if not address.lower().startswith(STREAMS):
        return address
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _sources_of(text: str, topics: TopicNames, left_out: list[str]) -> Iterator[ImageSource]:
    path = Path(text)
    if text.lower().startswith(STREAMS) or text.startswith(_CAMERA_FILES) or (text.isdecimal() and not path.exists()):
        yield ImageSource("camera", text)
    elif has_magic(text) and not os.path.lexists(text):
        yield from _matching(text, topics, left_out)
    elif os.path.isdir(path) and not _is_bag(path):
        left_out += hidden_ones(path)
        yield from (ImageSource("picture", str(each)) for each in find_pictures(path))
    else:
        yield from _file(path, topics)


def _matching(pattern: str, topics: TopicNames, left_out: list[str]) -> Iterator[ImageSource]:
    """Yield what a pattern matches and is of a known kind. Raises ImageError where that is nothing."""
    paths = sorted(glob(pattern, recursive=True))
    usable = [
        path for path in paths if path.lower().endswith(ALL_SUFFIXES) or (os.path.isdir(path) and _is_bag(Path(path)))
    ]
    if not usable:
        said = f"matches {len(paths)} names, none of them of a known kind" if paths else "matches nothing"
        raise ImageError(
            f"{pattern} {said}, expected pictures, videos or bags, which end in {', '.join(ALL_SUFFIXES)}; correct the "
            "pattern (`**` stands for folders within each other)"
        )
    for path in usable:
        try:
            yield from list(_file(Path(path), topics))
        except BagError as error:
            left_out.append(str(error))


def _file(path: Path, topics: TopicNames) -> Iterator[ImageSource]:
    kind, is_there = path.suffix.lower(), os.path.isfile(path)
    if (os.path.isdir(path) and _is_bag(path)) or (kind in BAG_SUFFIXES and is_there):
        with open_bag(path, is_forgiving=True) as bag:
            yield from (ImageSource("bag", str(path), camera.image) for camera in find_cameras(bag, topics))
    elif kind in videos.SUFFIXES and is_there:
        yield ImageSource("video", str(path))
    elif kind in SUFFIXES and os.path.exists(path):
        yield ImageSource("picture", str(path))
    else:
        raise ImageError(
            f"{path} does not exist or is of no known kind, expected a folder, a bag, a camera's number or a file "
            f"ending in {', '.join(ALL_SUFFIXES)}; name another"
        )


def _is_bag(path: Path) -> bool:
    files: Collection[str] = os.listdir(path)
    return "metadata.yaml" in files or any(file.endswith(BAG_SUFFIXES) for file in files)


def _labels(sources: Sequence[ImageSource], moment: str) -> list[Path]:
    """Return a path for each source, of which its name is made."""
    topics = {source.address: [each.topic for each in sources if each.address == source.address] for source in sources}
    return [_label(source, topics[source.address], moment) for source in sources]


def _label(source: ImageSource, topics: Sequence[str], moment: str) -> Path:
    if source.kind == "camera":
        plain = "".join(letter if letter.isalnum() else "_" for letter in source.shown.removeprefix(_CAMERA_FILES))
        return Path("_".join(filter(None, ["camera", plain.strip("_")[:80], moment])))
    path = Path(source.address)
    path = path.resolve() if not path.name else path
    if len(topics) < 2:
        return path
    name = _camera_names(topics)[source.topic]
    return path.with_name(f"{path.stem}_{name}{path.suffix}")


def _camera_names(topics: Sequence[str]) -> dict[str, str]:
    return dict(zip(topics, camera_names([CameraTopics(topic, "", "") for topic in topics]), strict=True))
