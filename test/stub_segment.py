# SPDX-License-Identifier: Apache-2.0
"""`talk2dino segment` with a segmenter of mean colours, which counts its images and can stop in one.

As a program: `stub_segment.py STOP_AT MARKER ARGUMENT...` makes the file MARKER and sleeps in the image of that number.
"""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np
from stub_replay import WatchedSegmenter, stopping

from talk2dino_ros.cli.files import segment
from talk2dino_ros.cli.label import label
from talk2dino_ros.cli.main import main
from talk2dino_ros.viz.pictures import write_picture

WORDS = "red; green; ?blue"
RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)


class ColourSegmenter(WatchedSegmenter):
    """The classes are the colours' names."""


def segment_files(segmenter: WatchedSegmenter, *arguments: object) -> int:
    """Run the command with this segmenter and its three words, where no others are given."""
    words = () if "--classes" in arguments else ("--classes", WORDS)
    loader, segment.load_for = segment.load_for, lambda _: segmenter
    try:
        return main(["segment", *map(str, arguments), *words])
    finally:
        segment.load_for = loader


def label_files(segmenter: WatchedSegmenter, *arguments: object) -> int:
    """Run `talk2dino label` with this segmenter, in the workers too."""
    loader, label.load_for = label.load_for, partial(_itself, segmenter)
    try:
        return main(["label", *map(str, arguments), "--classes", WORDS])
    finally:
        label.load_for = loader


def _itself(
    segmenter: WatchedSegmenter | list[WatchedSegmenter], _arguments: object, *, with_words: bool = True
) -> WatchedSegmenter:
    return segmenter.pop(0) if isinstance(segmenter, list) else segmenter  # of a list one for each process


def load_dying_once(marker: Path, _arguments: object, *, with_words: bool = True) -> ColourSegmenter:
    """Return a model that kills its own process in its second image, but not where that has happened."""

    def on_call(number: int) -> None:
        if number == 2 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    return ColourSegmenter(on_call)


def halves(left, right, height: int = 16, width: int = 16) -> np.ndarray:
    """An image whose left half has one colour and whose right half another."""
    image = np.empty((height, width, 3), np.uint8)
    image[:, : width // 2], image[:, width // 2 :] = left, right
    return image


def write_halves(folder: Path, count: int) -> Path:
    """Write pictures of red and green, each with another size, of which the last is blue on the right."""
    folder.mkdir()
    for number in range(count):
        right = BLUE if number == count - 1 else GREEN
        write_picture(folder / f"{number}.png", halves(RED, right, 16, 16 + 8 * number))
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """The bytes of all files of a folder by their paths in it, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    sys.exit(segment_files(ColourSegmenter(stopping(int(sys.argv[1]), Path(sys.argv[2]))), *sys.argv[3:]))
