# SPDX-License-Identifier: Apache-2.0
"""A webcam or a camera of the network: the newest image wins, and one that is gone is looked for again."""

from __future__ import annotations

import math
import threading
import time

from talk2dino_ros.engine.errors import ImageError, Talk2DinoError
from talk2dino_ros.web.desk.desk_camera import LostImages, OpenStream, Rgb

RETRY_S = 2.0  # between two looks for one that is not there
REST_S = 5.0  # a camera that nobody looks at so long is closed
END_S = 3.0  # a driver that does not return in this time is left alone


class LiveCamera:
    """A camera that a thread reads, while someone looks at it. shown: its name in sentences."""

    def __init__(self, shown: str, open_stream: OpenStream) -> None:
        self.dropped = 0
        self.flaw = ""
        self._shown = shown
        self._open_stream = open_stream
        self._lost = LostImages()
        self._news: Rgb | Talk2DinoError | None = None
        self._overtaken = 0
        self._number = 0
        self._asked_s = -math.inf
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"camera {shown}", daemon=True)
        self._thread.start()

    def newest(self, known: int) -> tuple[int, Rgb] | None:
        """Return the image that came last, once."""
        with self._changed:
            if not self._is_wanted():
                self._news, self._overtaken = None, 0  # what came before is no news any more
            self._asked_s = time.monotonic()
            self._changed.notify_all()
            news, self._news = self._news, None
            self.dropped, self._overtaken = self.dropped + self._overtaken, 0
        if isinstance(news, Talk2DinoError):
            raise news
        if news is None:
            return None
        self._number += 1
        return self._number, news

    def close(self) -> None:
        """End the thread, which closes the camera."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join(END_S)

    def _run(self) -> None:
        while self._wait_until_asked():
            try:
                self._read()
            except Exception as error:  # of drivers and codecs, too: the thread outlives them all
                told = self._lost.told(error, f"the camera {self._shown}")
                self._put(ImageError(f"{told}; it is looked for every {RETRY_S:g} s"))
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closed, RETRY_S)

    def _wait_until_asked(self) -> bool:
        """Wait until someone looks; return False once the camera is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._is_wanted())
            return not self._is_closed

    def _read(self) -> None:
        """Read until nobody looks. Raises ImageError where the camera ends before."""
        with self._open_stream() as stream:
            for image in stream.images:
                self._put(image if isinstance(image, ImageError) else image.rgb)
                if self._is_closed or not self._is_wanted():
                    return
        raise ImageError(f"the camera {self._shown} sends no more, expected images; plug it in or switch it on again")

    def _put(self, news: Rgb | Talk2DinoError) -> None:
        with self._changed:
            self._overtaken += self._news is not None and not isinstance(self._news, Talk2DinoError)
            self._news = news

    def _is_wanted(self) -> bool:
        return time.monotonic() - self._asked_s < REST_S
