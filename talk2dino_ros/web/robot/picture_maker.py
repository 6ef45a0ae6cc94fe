# SPDX-License-Identifier: Apache-2.0
"""A thread that makes JPEGs of overlays: of each camera the newest, as often as its budget of processor time allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.conversions.image_pixels import image_to_rgb
from talk2dino_ros.ros.node.faults import OnFault
from talk2dino_ros.web.jpeg import to_jpeg
from talk2dino_ros.web.processor_budget import ProcessorBudget


class PictureMaker:
    """Makes pictures of messages of overlays.

    on_picture: gets the camera's name, its size (width, height), a JPEG. on_fault: what no message should lead to.
    """

    def __init__(
        self,
        max_rate_hz: float,
        longest: int,
        on_picture: Callable[[str, tuple[int, int], bytes], None],
        on_fault: OnFault,
    ) -> None:
        self._period_s = 1 / max_rate_hz
        self._longest = longest
        self._on_picture = on_picture
        self._on_fault = on_fault
        self._newest: dict[str, Any] = {}
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)
        self._thread.start()

    def put(self, camera: str, message: Any) -> None:
        """Take a camera's newest overlay in place of one that was not made yet; from any thread."""
        with self._changed:
            self._newest[camera] = message
            self._changed.notify()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        budget = ProcessorBudget()
        while True:
            begin_s = time.monotonic()
            with self._changed:
                self._changed.wait_for(lambda: self._newest or self._is_closed)
                if self._is_closed:
                    return
                taken, self._newest = self._newest, {}
            for camera, message in taken.items():
                self._make(camera, message)
            with self._changed:
                rest_s = max(self._period_s - (time.monotonic() - begin_s), budget.rest_s())
                self._changed.wait_for(lambda: self._is_closed, rest_s)

    def _make(self, camera: str, message: Any) -> None:
        try:
            jpeg = to_jpeg(image_to_rgb(message), self._longest)
            self._on_picture(camera, (message.width, message.height), jpeg)
        except Talk2DinoError:  # not the segmenter's, whatever publishes there
            return
        except Exception as error:  # the thread outlives every picture
            self._on_fault(f"a picture of {camera} was lost", error)
