# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory build` with an image encoder that takes mean colours, and can be made to stop in an image.

As a program: `stub_build.py STOP_AT MARKER ARGUMENT...` makes the file MARKER and sleeps in the image of that number.
"""

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from talk2dino_ros.cli.main import main
from talk2dino_ros.cli.memory import memory_build

PATCH, WIDTH = 16, 12
TURN = np.random.default_rng(1).normal(size=(3, WIDTH)).astype(np.float32)


class MeanColours:
    """A segmenter whose features are the patches' mean colours; calls: how many images it has seen."""

    feature_space = "colours"
    model = SimpleNamespace(name="mean_colours", embedding_size=WIDTH)

    def __init__(self, stop_at: int = 0, marker: Path | None = None) -> None:
        self.calls = 0
        self._stop_at, self._marker = stop_at, marker

    def segment(self, rgb, vocabulary, return_patches):
        self.calls += 1
        if self.calls == self._stop_at and self._marker is not None:
            self._marker.touch()
            time.sleep(600)  # until it is killed
        height, width = rgb.shape[0] // PATCH, rgb.shape[1] // PATCH
        means = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) - 100
        columns, rows = np.meshgrid(np.arange(width), np.arange(height))
        centres = (np.stack([columns, rows], axis=-1) + 0.5) * np.float32(PATCH)
        patches = SimpleNamespace(features=means @ TURN, centres=centres.astype(np.float32), size=(PATCH, PATCH))
        return SimpleNamespace(patches=patches)


class DyingOnce(MeanColours):
    """Kills its own process in its second image, but not where that has happened."""

    def segment(self, rgb, vocabulary, return_patches):
        if self.calls == 1 and not self._marker.exists():
            self._marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().segment(rgb, vocabulary, return_patches)


def build(segmenter: MeanColours, *arguments) -> int:
    """Run the command with this segmenter."""
    opener, memory_build._opener = memory_build._opener, lambda _: partial(_itself, segmenter)
    try:
        return main(["memory", "build", *map(str, arguments)])
    finally:
        memory_build._opener = opener


def _itself(segmenter: MeanColours) -> MeanColours:
    return segmenter


if __name__ == "__main__":
    sys.exit(build(MeanColours(int(sys.argv[1]), Path(sys.argv[2])), *sys.argv[3:]))
