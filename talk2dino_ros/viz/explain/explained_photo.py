# SPDX-License-Identifier: Apache-2.0
"""The image itself: with its patches' borders, in grey under its mask, and the part of which PAMR changes most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from talk2dino_ros.viz.explain.blocks import INK, PAPER, Rgb
from talk2dino_ros.viz.overlay import tinted

if TYPE_CHECKING:
    from talk2dino_ros.engine.inference.explanation import Explanation

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in the image's pixels
Size = tuple[int, int]  # width, height

ALPHA = 0.55  # of the words' colours
CLOSE = 3  # a close-up shows a third of the image's width and height


def fitting(rgb: Rgb, width: int, height: int) -> Size:
    """Return the largest size of the image's shape that fits into these."""
    scale = min(width / rgb.shape[1], height / len(rgb))
    return max(1, round(scale * rgb.shape[1])), max(1, round(scale * len(rgb)))


def gridded(rgb: Rgb, size: Size, grid: tuple[int, int]) -> Rgb:
    """Return the image with the borders of (h, w) patches as faint lines."""
    picture, (h, w) = _resized(rgb, size), grid
    lines = np.zeros((size[1], size[0]), bool)
    lines[np.linspace(0, size[1], h, endpoint=False).astype(int)[1:]] = True
    lines[:, np.linspace(0, size[0], w, endpoint=False).astype(int)[1:]] = True
    faint = cv2.addWeighted(picture, 0.65, np.full_like(picture, 255), 0.35, 0)
    return np.asarray(np.where(lines[..., None], faint, picture), np.uint8)


def masked(explanation: Explanation, size: Size, box: Box | None = None, *, pamr: bool = True) -> Rgb:
    """Return a part of the image under its mask, with or without PAMR, and without names; None: all of it."""
    x0, y0, x1, y1 = box or (0, 0, explanation.rgb.shape[1], len(explanation.rgb))
    seen = explanation.after if pamr else explanation.before
    grey = _grey(_resized(explanation.rgb[y0:y1, x0:x1], size))
    return tinted(grey, _nearest(seen.class_ids[y0:y1, x0:x1], size), explanation.vocabulary.labels(), alpha=ALPHA)


def most_changed(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> Box:
    """Return the box, a third as wide and high as these masks, in which most of their pixels differ."""
    height, width = before.shape
    high, wide = max(1, height // CLOSE), max(1, width // CLOSE)
    sums = np.pad((before != after).astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    counts = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    y, x = (int(value) for value in np.unravel_index(int(counts.argmax()), counts.shape))
    return x, y, x + wide, y + high


def draw_box(picture: Rgb, box: Box, scale: float) -> None:
    """Outline a box, at a scale, so that it shows on dark and on bright."""
    x0, y0, x1, y1 = (round(scale * value) for value in box)
    for colour, thickness in ((PAPER, 6), (INK, 2)):
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), colour, thickness)


def _resized(rgb: Rgb, size: Size) -> Rgb:
    way = cv2.INTER_AREA if size[0] < rgb.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, size, interpolation=way), np.uint8)


def _grey(rgb: Rgb) -> Rgb:
    """Take out the photo's own colours, which would mix with the words'."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def _nearest(mask: npt.NDArray[np.uint8], size: Size) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
