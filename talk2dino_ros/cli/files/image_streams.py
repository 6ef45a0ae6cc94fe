# SPDX-License-Identifier: Apache-2.0
"""The images of a video, a camera or a topic of a bag, in their order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from talk2dino_ros.cli.files.image_sources import ImageSource
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.files.picture_reader import LARGEST
from talk2dino_ros.ros.bags.bag_reader import BagError, open_bag
from talk2dino_ros.ros.bags.bag_topics import COMPRESSED
from talk2dino_ros.ros.conversions.image_reader import ImageReader
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns
from talk2dino_ros.viz.videos import USUAL_RATE_HZ, open_camera, open_video

if TYPE_CHECKING:
    from talk2dino_ros.ros.bags.bag_reader import Bag
    from talk2dino_ros.viz.videos import Rgb


@dataclass(frozen=True)
class Shot:
    """An image, uint8 [H, W, 3] RGB. number: in its stream, from 0; None: a picture's. stamp_ns: of a bag's message.

    state: of a picture's file, see `file_run.state_of`.
    """

    rgb: Rgb
    number: int | None = None
    stamp_ns: int | None = None
    state: str = ""


@dataclass(frozen=True)
class ImageStream:
    """An open stream. count: of all its images, None where nobody knows. flaws: sentences on what could not be read,
    for after the last image."""

    rate_hz: float
    count: int | None
    shots: Iterator[Shot | ImageError]
    flaws: Callable[[], list[str]]


def count_images(sources: Iterable[ImageSource], every: int) -> int | None:
    """Count the images of sources; None where nobody knows. What cannot be opened has none."""
    total = 0
    for source in sources:
        count = _count(source, every)
        if count is None:
            return None
        total += count
    return total


def _count(source: ImageSource, every: int) -> int | None:
    if source.kind in ("picture", "camera"):
        return 1 if source.kind == "picture" else None
    try:
        with open_stream(source, every) as stream:
            return stream.count
    except (ImageError, BagError):
        return 0


@contextmanager
def open_stream(source: ImageSource, every: int) -> Generator[ImageStream, None, None]:
    """Open a source for reading; every: take each so many-th image. Raises ImageError, BagError."""
    if source.kind == "bag":
        with open_bag(Path(source.address), is_forgiving=True) as bag:
            yield _bag_stream(bag, source.topic, every)
        return
    is_camera = source.kind == "camera"
    opened = open_camera(source.address, source.shown) if is_camera else open_video(Path(source.address))
    with opened as video:
        numbered = ((number, rgb) for number, rgb in enumerate(video.images()) if number % every == 0)
        yield ImageStream(
            video.rate_hz / every,
            None if is_camera or video.count is None else -(-video.count // every),
            (Shot(rgb, number) for number, rgb in numbered),
            lambda: [] if is_camera else [flaw for flaw in [video.shortfall()] if flaw],
        )


def _bag_stream(bag: Bag, topic: str, every: int) -> ImageStream:
    count = bag.count([topic])
    return ImageStream(
        bag.rate_hz(topic, USUAL_RATE_HZ) / every,
        -(-count // every),
        _messages(bag, topic, every),
        lambda: [f"{bag.path} is not whole: {loss}; the readable part was segmented" for loss in bag.losses],
    )


def _messages(bag: Bag, topic: str, every: int) -> Iterator[Shot | ImageError]:
    reader = ImageReader(bag.types[topic] == COMPRESSED, LARGEST)
    number = -1
    for number, (_, _, message) in enumerate(bag.messages([topic])):
        if number % every == 0:
            yield _shot(reader, message, number, f"{bag.path}: image {number} of {topic}")
    if number < 0:
        raise ImageError(f"{bag.path} gave no image of {topic}, expected some; record it again")


def _shot(reader: ImageReader, message: Any, number: int, what: str) -> Shot | ImageError:
    try:
        reader.check_size(message)
        rgb = np.ascontiguousarray(reader.to_rgb(message))
    except ImageError as error:
        return ImageError(f"{what} is left out: {error}")
    return Shot(rgb, number, stamp_to_ns(message.header.stamp))
