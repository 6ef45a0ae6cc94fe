# SPDX-License-Identifier: Apache-2.0
"""What the desk's page has for cameras: a photograph stands still, a video runs at its own rate, again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.viz import pictures, videos
from talk2dino_ros.viz.pictures import find_pictures, read_picture
from talk2dino_ros.viz.result_names import result_names
from talk2dino_ros.viz.terminal import printable
from talk2dino_ros.viz.videos import open_video

Rgb = npt.NDArray[np.uint8]


class DeskCamera(Protocol):
    """A camera at a desk. dropped: images that were overtaken by later ones, so far."""

    dropped: int

    def newest(self, known: int) -> tuple[int, Rgb] | None:
        """Return number and image, uint8 [H, W, 3] RGB, where its number is not `known`; else None.

        Raises ImageError where it has none.
        """

    def close(self) -> None:
        """Close its file."""


class StillPhoto:
    """A photograph."""

    dropped = 0

    def __init__(self, path: Path) -> None:
        self._path = path

    def newest(self, known: int) -> tuple[int, Rgb] | None:
        """Return the photograph, whose number is 1."""
        return None if known == 1 else (1, read_picture(self._path))

    def close(self) -> None:
        """Do nothing."""


class VideoCamera:
    """A video, from its first image on whenever it was looked at last; images that nobody had time for are dropped."""

    def __init__(self, path: Path) -> None:
        self.dropped = 0
        self._path = path
        self._open = ExitStack()
        self._images: Iterator[Rgb] = iter(())
        self._number = 0
        self._rate_hz = 0.0
        self._next_s = 0.0

    def newest(self, known: int) -> tuple[int, Rgb] | None:
        """Return the image that is due now."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return None
        rgb = self._next()
        late_s = now_s - self._next_s
        skipped = int(late_s * self._rate_hz) if late_s < 1.0 else 0  # after a pause it goes on where it was
        for _ in range(skipped):
            rgb = self._next()
        self.dropped += skipped
        self._next_s = (now_s if late_s >= 1.0 else self._next_s + skipped / self._rate_hz) + 1 / self._rate_hz
        return self._number, rgb

    def _next(self) -> Rgb:
        rgb = next(self._images, None)
        if rgb is None:
            self._open.close()
            video = self._open.enter_context(open_video(self._path))
            self._rate_hz, self._images = video.rate_hz, video.images()
            rgb = next(self._images)
        self._number += 1
        return rgb

    def close(self) -> None:
        """Close the file."""
        self._open.close()


def desk_cameras(sources: Sequence[Path]) -> dict[str, DeskCamera]:
    """Return a camera for each photograph and video, those of folders too, by a name of its own.

    Raises ImageError for what is not there or of no known kind.
    """
    paths = [path for source in sources for path in _files_of(source)]
    paths = list({path.resolve(): path for path in paths}.values())
    kinds = [VideoCamera if path.suffix.lower() in videos.SUFFIXES else StillPhoto for path in paths]
    names = map(printable, result_names(paths))
    return {name: kind(path) for name, kind, path in zip(names, kinds, paths, strict=True)}


def _files_of(source: Path) -> list[Path]:
    if source.is_dir():
        return find_pictures(source)
    if source.suffix.lower() in (*pictures.SUFFIXES, *videos.SUFFIXES) and source.is_file():
        return [source]
    raise ImageError(
        f"{source} is not there or of no known kind, expected a folder or a file ending in "
        f"{', '.join(pictures.SUFFIXES + videos.SUFFIXES)}; name another"
    )
