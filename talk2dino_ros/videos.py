# SPDX-License-Identifier: Apache-2.0
"""Video files in and out, as RGB arrays; OpenCV's BGR stays in here."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.errors import ImageError

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm")
USUAL_RATE_HZ = 25.0  # where a file does not say

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class VideoReader:
    """An open video: its rate, how many images it says it has (None: it does not say), and its images."""

    rate_hz: float
    count: int | None
    _capture: Any

    def images(self) -> Generator[Rgb, None, None]:
        """Yield every image, uint8 [H, W, 3] RGB."""
        while True:
            there, bgr = self._capture.read()
            if not there:
                return
            yield np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


@contextmanager
def open_video(path: Path) -> Generator[VideoReader, None, None]:
    """Open a video for reading. Raises ImageError where OpenCV cannot."""
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise ImageError(f"{path} cannot be opened as a video, expected {', '.join(SUFFIXES)}; convert it to mp4")
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        yield VideoReader(capture.get(cv2.CAP_PROP_FPS) or USUAL_RATE_HZ, count if count > 0 else None, capture)
    finally:
        capture.release()


class VideoWriter:
    """Writes an mp4; its size is that of the first image."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self._writer: Any = None

    def write(self, rgb: Rgb) -> None:
        """Append an image, uint8 [H, W, 3] RGB. Raises ImageError where the file cannot be written."""
        if self._writer is None:
            size = (rgb.shape[1], rgb.shape[0])
            encoding = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._path), encoding, self._rate_hz, size)
            if not self._writer.isOpened():
                raise ImageError(f"{self._path} cannot be written as a video, expected a folder with room for it")
        self._writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()
