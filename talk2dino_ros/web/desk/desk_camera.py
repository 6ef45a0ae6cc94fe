# SPDX-License-Identifier: Apache-2.0
"""What the desk's page has for cameras: a photograph here; recordings and cameras that send in the modules beside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.errors import ImageError, Talk2DinoError
from talk2dino_ros.ros.node.problems import ProblemLog
from talk2dino_ros.viz.pictures import read_picture

Rgb = npt.NDArray[np.uint8]


class DeskCamera(Protocol):
    """A camera at a desk.

    dropped: images that were overtaken by later ones, so far. flaw: a sentence on what cannot be shown of it, or "".
    """

    dropped: int
    flaw: str

    def newest(self, known: int) -> tuple[int, Rgb] | None:
        """Return number and image, uint8 [H, W, 3] RGB, where there is one after the one that is `known`; else None.

        Raises Talk2DinoError where it has none; once, until that changes or is tried again.
        """

    def close(self) -> None:
        """Close its file."""


@dataclass(frozen=True, eq=False)
class DeskImage:
    """An image of a stream, uint8 [H, W, 3] RGB, and how many seconds after the one before it comes."""

    rgb: Rgb
    after_s: float


@dataclass(frozen=True)
class DeskStream:
    """An open stream: its images, or why one is left out.

    flaw: a sentence on what is known to be unreadable from the start, or "". flaws: all, for after the last image.
    """

    images: Iterator[DeskImage | ImageError]
    flaws: Callable[[], list[str]]
    flaw: str = ""


OpenStream = Callable[[], AbstractContextManager[DeskStream]]


class LostImages:
    """What is told of images that are lost."""

    def __init__(self) -> None:
        self._log = ProblemLog(logging.getLogger("talk2dino"))  # which goes to the terminal

    def told(self, error: Exception, camera: str) -> Talk2DinoError:
        """Return an error as the page tells it: of one that is not ours only its kind; the terminal has all of it."""
        if isinstance(error, Talk2DinoError):
            return error
        self._log.report(f"an image of {camera} was lost", error)
        return ImageError(
            f"an image of {camera} was lost by a bug in this program or in a library ({type(error).__name__}), "
            "expected it to be shown; the terminal has the details"
        )


class StillPhoto:
    """A photograph."""

    dropped = 0
    flaw = ""

    def __init__(self, path: Path) -> None:
        self._path = path

    def newest(self, known: int) -> tuple[int, Rgb] | None:
        """Return the photograph, whose number is 1."""
        return None if known == 1 else (1, read_picture(self._path))

    def close(self) -> None:
        """Do nothing."""
