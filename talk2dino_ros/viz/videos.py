# SPDX-License-Identifier: Apache-2.0
"""Video files in and out, as RGB arrays; OpenCV's BGR stays in here."""

import math
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.files.atomic_write import replaced_whole
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.viz.pictures import UnwritableError

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm")
USUAL_RATE_HZ = 25.0  # where a file does not say
_A_VIDEO, _A_CAMERA = "a video; convert it to mp4 again", "a camera that sends; look at it with another program"
_FINEST_CLOCK_HZ = 65535  # MPEG-4's: a rate is a fraction of it

Rgb = npt.NDArray[np.uint8]

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what is amiss is said here, in one sentence
if hasattr(cv2, "setLogLevel"):
    cv2.setLogLevel(0)
elif hasattr(cv2.utils, "logging"):  # where OpenCV 5 has it
    cv2.utils.logging.setLogLevel(0)


class VideoReader:
    """An open video.

    rate_hz: images a second. count: how many images it says it has, None where it does not say.
    decoded: how many came out so far.
    """

    def __init__(self, path: Path | str, capture: Any, *, expected: str = _A_VIDEO) -> None:
        rate_hz, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.rate_hz = float(rate_hz) if math.isfinite(rate_hz) and rate_hz > 0 else USUAL_RATE_HZ
        self.count = int(count) if math.isfinite(count) and count > 0 else None
        self.decoded = 0
        self._path = path
        self._capture = capture
        self._expected = expected

    def images(self) -> Iterator[Rgb]:
        """Yield every image, uint8 [H, W, 3] RGB. Raises ImageError where there is none."""
        while True:
            there, bgr = self._capture.read()
            if not there:
                break
            self.decoded += 1
            yield np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        if not self.decoded:
            said = f" of the {self.count} that it says it has" if self.count else ""
            raise ImageError(f"{self._path} gave no image{said}, expected {self._expected}")

    def shortfall(self) -> str:
        """Return a sentence where fewer images came out than the file says it has, else ''; for after the last one."""
        if self.count is None or self.decoded >= self.count:
            return ""
        return (
            f"{self._path} ended after {self.decoded} of the {counted(self.count, 'image')} that it says it has, and "
            "no more can be segmented; if it should be longer, it is damaged"
        )


@contextmanager
def open_video(path: Path) -> Generator[VideoReader, None, None]:
    """Open a video for reading. Raises ImageError where OpenCV cannot."""
    with _name_for_opencv(path) as name:
        capture = cv2.VideoCapture(name)
        try:
            if not capture.isOpened():
                raise ImageError(
                    f"{path} cannot be opened as a video, expected a whole one in {', '.join(SUFFIXES)}; copy "
                    "it again, or convert it to mp4"
                )
            yield VideoReader(path, capture)
        finally:
            capture.release()


@contextmanager
def open_camera(address: str, shown: str) -> Generator[VideoReader, None, None]:
    """Open a camera by its number, its device file or its URL; shown: the address without a password.

    Raises ImageError where OpenCV cannot.
    """
    capture = cv2.VideoCapture(int(address) if address.isdecimal() else address)
    try:
        if not capture.isOpened():
            raise ImageError(
                f"the camera {shown} cannot be opened, expected the number of one that is connected and not in use, "
                "/dev/videoN, or the URL of one that sends; look at it with `v4l2-ctl --list-devices` or ffplay"
            )
        yield VideoReader(f"the camera {shown}", capture, expected=_A_CAMERA)
    finally:
        capture.release()


@contextmanager
def video_writer(path: Path, rate_hz: float) -> Generator[Callable[[Rgb], None], None, None]:
    """Give a function that appends images, uint8 [H, W, 3] RGB, to an mp4; its size is that of the first.

    The file has its name only when it is whole. Raises UnwritableError where it cannot be.
    """
    try:
        with replaced_whole(path, path.suffix) as part, _name_for_opencv(part) as name:
            encoder = _Encoder(name, writable_rate(rate_hz))
            try:
                yield encoder.write
            finally:
                encoder.release()
            if encoder.count:
                encoder.check()
    except OSError as error:
        raise UnwritableError(
            f"{path} could not be written as a video ({error.strerror or error}), expected a folder with room for it; "
            "name another"
        ) from error


class _Encoder:
    """OpenCV's writer, which says nothing of what it could not write. Raises OSError."""

    def __init__(self, name: str, rate_hz: float) -> None:
        self.count = 0
        self._name = name
        self._rate_hz = rate_hz
        self._size = (0, 0)
        self._writer: Any = None

    def write(self, rgb: Rgb) -> None:
        if self._writer is None:
            self._size = (rgb.shape[1], rgb.shape[0])
            self._writer = cv2.VideoWriter(self._name, cv2.VideoWriter.fourcc(*"mp4v"), self._rate_hz, self._size)
            if not self._writer.isOpened():
                size = "x".join(map(str, self._size))
                raise OSError(f"{size} pixels at {self._rate_hz:g} Hz are refused by the encoder")
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        # an image of another size would be left out
        self._writer.write(bgr if rgb.shape[1::-1] == self._size else cv2.resize(bgr, self._size))
        self.count += 1

    def release(self) -> None:
        if self._writer is not None:
            self._writer.release()

    def check(self) -> None:
        """Raise OSError where not all images are in the file, as on a full disk."""
        capture = cv2.VideoCapture(self._name)
        found = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))) if capture.isOpened() else 0
        capture.release()
        if found < self.count:
            raise OSError(f"{found} of {self.count} images are in it")


def writable_rate(rate_hz: float) -> float:
    """Return the nearest rate of up to three decimals that MPEG-4 can write."""
    rates = (Fraction(round(rate_hz * 10**digits), 10**digits) for digits in (3, 2, 1, 0))
    return float(next((rate for rate in rates if 0 < rate.numerator <= _FINEST_CLOCK_HZ), _FINEST_CLOCK_HZ))


@contextmanager
def _name_for_opencv(path: Path) -> Generator[str, None, None]:
    """Give a name of the file in UTF-8: with any other OpenCV ends the process."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory(prefix="talk2dino_") as folder:
            link = Path(folder) / f"video{path.suffix}"
            link.symlink_to(path.absolute())
            yield str(link)
    else:
        yield str(path)
