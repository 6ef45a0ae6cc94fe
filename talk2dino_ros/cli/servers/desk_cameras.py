# SPDX-License-Identifier: Apache-2.0
"""From what a person names on the command line to the cameras of the desk's page."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from talk2dino_ros.cli.files.image_sources import ImageSource, find_sources, named_sources
from talk2dino_ros.cli.files.image_streams import Shot, open_stream
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.ros.bags.bag_topics import TopicNames
from talk2dino_ros.viz.terminal import printable
from talk2dino_ros.web.desk.desk_camera import DeskCamera, DeskImage, DeskStream, StillPhoto
from talk2dino_ros.web.desk.live_camera import LiveCamera
from talk2dino_ros.web.desk.recorded_camera import RecordedCamera

LONGEST_GAP_S = 5.0  # between two images of a bag; a longer one is not waited for


def desk_cameras(named: Sequence[str], topics: TopicNames) -> tuple[dict[str, DeskCamera], list[str]]:
    """Return a camera for each source by a name of its own, and a sentence on each file that is left out.

    Raises ImageError for what does not exist or is of no known kind, and where nothing is left.
    """
    found, left_out = find_sources(named, topics)
    if not found:
        raise ImageError(*left_out)
    sources = named_sources(found)
    return {printable(each.name): _camera(each) for each in sources}, left_out


def _camera(source: ImageSource) -> DeskCamera:
    opening = partial(_opened, source)
    if source.kind == "picture":
        return StillPhoto(Path(source.address))
    return LiveCamera(source.shown, opening) if source.kind == "camera" else RecordedCamera(opening)


@contextmanager
def _opened(source: ImageSource) -> Generator[DeskStream, None, None]:
    with open_stream(source, every=1) as stream:
        flaw = " ".join(stream.flaws()) if source.kind == "bag" else ""
        yield DeskStream(_timed(stream.shots, 1 / stream.rate_hz), stream.flaws, flaw)


def _timed(shots: Iterator[Shot | ImageError], usual_s: float) -> Iterator[DeskImage | ImageError]:
    """Time the images of a bag by their stamps, where these can be a camera's, and all others by the mean rate."""
    last_ns: int | None = None
    for shot in shots:
        if isinstance(shot, ImageError):
            yield shot
            continue
        gap_s = (shot.stamp_ns - last_ns) / 1e9 if shot.stamp_ns is not None and last_ns is not None else 0.0
        last_ns = shot.stamp_ns
        yield DeskImage(shot.rgb, gap_s if 0 < gap_s <= LONGEST_GAP_S else usual_s)
