# SPDX-License-Identifier: Apache-2.0
"""One slot per camera between the thread that receives and the thread that segments: the newest frame wins.

A queue would feed a slow model frames that are older and older; a slot holds the present. What is overwritten
is counted as dropped, so that nobody takes a slow model for a slow camera.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Frame:
    """An image message as it came in, not yet converted."""

    camera: str
    message: Any  # sensor_msgs/Image or CompressedImage
    received_s: float  # time.monotonic() at reception

    @property
    def stamp_ns(self) -> int:
        """The stamp of its header."""
        stamp = self.message.header.stamp
        return int(stamp.sec * 10**9 + stamp.nanosec)


class FrameSlots:
    """The newest frame of each camera, put by one thread and taken by another."""

    def __init__(self) -> None:
        self.counts_drops = True  # off while paused: what nobody wants is not dropped
        self._frames: dict[str, Frame] = {}
        self._dropped: Counter[str] = Counter()
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        """Leave a frame; one of the same camera that was not taken yet is dropped."""
        with self._changed:
            if frame.camera in self._frames and self.counts_drops:
                self._dropped[frame.camera] += 1
            self._frames[frame.camera] = frame
            self._changed.notify()

    def take(self) -> list[Frame]:
        """Wait for a frame, then take the newest of every camera that has one; empty once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._is_closed)
            frames = [] if self._is_closed else list(self._frames.values())
            self._frames.clear()
            return frames

    def dropped(self, camera: str) -> int:
        """How many frames of a camera were overwritten before they were taken."""
        with self._changed:
            return self._dropped[camera]

    def close(self) -> None:
        """Wake the taker, and every later one, with nothing."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def reopen(self) -> None:
        """Start empty again; the counts of the dropped go on."""
        with self._changed:
            self._frames.clear()
            self._is_closed = False
