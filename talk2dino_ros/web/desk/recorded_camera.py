# SPDX-License-Identifier: Apache-2.0
"""A video or a topic of a bag as a camera: it runs at its own rate, again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from talk2dino_ros.engine.errors import ImageError, Talk2DinoError
from talk2dino_ros.web.desk.desk_camera import DeskImage, DeskStream, OpenStream, Rgb

RETRY_S = 5.0  # until one that cannot be read is tried again
PAUSE_S = 1.0  # one that is asked for so late was not looked at, and goes on where it was
SHORTEST_S = 1 / 240  # between two images: a bag may tell anything


class RecordedCamera:
    """A recording, from its first image on whenever it was looked at last.

    Images that nobody had time for are dropped.
    """

    def __init__(self, open_stream: OpenStream) -> None:
        self.dropped = 0
        self.flaw = ""
        self._open_stream = open_stream
        self._open = ExitStack()
        self._stream: DeskStream | None = None
        self._images: Iterator[DeskImage | ImageError] = iter(())
        self._ahead: tuple[float, DeskImage] | None = None  # the next one, and when it is due
        self._left_out: list[str] = []  # in this pass
        self._has_shown = False  # in this pass
        self._number = 0
        self._retry_s = 0.0

    def newest(self, known: int) -> tuple[int, Rgb] | None:
        """Return the image that is due now."""
        now_s = time.monotonic()
        if now_s < self._retry_s:
            return None
        try:
            return self._due(now_s)
        except Talk2DinoError:
            self.close()
            self._retry_s = now_s + RETRY_S
            raise

    def _due(self, now_s: float) -> tuple[int, Rgb] | None:
        due_s, ahead = self._ahead or (now_s, self._next())
        if now_s - due_s >= PAUSE_S:
            due_s = now_s
        newest = None
        while due_s <= now_s:
            self.dropped += newest is not None
            newest, ahead = ahead, self._next()
            self._number += 1
            due_s += max(ahead.after_s, SHORTEST_S)
        self._ahead = (due_s, ahead)
        return None if newest is None else (self._number, newest.rgb)

    def _next(self) -> DeskImage:
        """Return the next image that can be read; behind the last the first."""
        while True:
            stream = self._stream or self._begin()
            image = next(self._images, None)
            if image is None:
                self._end(stream)
            elif isinstance(image, ImageError):
                self._left_out.append(str(image))
            else:
                self._has_shown = True
                return image

    def _begin(self) -> DeskStream:
        self._left_out, self._has_shown = [], False
        self._stream = stream = self._open.enter_context(self._open_stream())
        self._images = stream.images
        self.flaw = self.flaw or stream.flaw
        return stream

    def _end(self, stream: DeskStream) -> None:
        """Note what a pass could not show. Raises ImageError where that was all of it."""
        lost = self._left_out
        if not self._has_shown:
            raise ImageError(lost[0] if lost else "the recording has no image, expected some; record it again")
        said = [f"{len(lost)} of its images are left out, the first because: {lost[0]}"] if lost else []
        self.flaw = " ".join([*stream.flaws(), *said])
        self._stream = None
        self._open.close()

    def close(self) -> None:
        """Close the file."""
        self._stream, self._ahead = None, None
        self._open.close()
