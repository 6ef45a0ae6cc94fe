# SPDX-License-Identifier: Apache-2.0
"""Draw the mask for human eyes: colours over the image, contours, points and a legend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.points_of_interest import PointOfInterest
from talk2dino_ros.viz.legend import draw_legend

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmentation

Rgb = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Color = tuple[int, int, int]


def color_of(class_id: int) -> Color:
    """Return the (red, green, blue), 0..255, of a class id 0..255: always the same, ids 1, 2, 3 … far apart."""
    red, green, blue = palette()[class_id]
    return int(red), int(green), int(blue)


@lru_cache(maxsize=1)
def palette() -> NDArray[np.uint8]:
    """Return uint8 [256, 3] RGB: each colour the one farthest in CIE Lab from all before it, from id 1 on.

    Greys, very dark and very bright colours are left out, for over a photo they look like light and shadow;
    so are the most glaring ones.
    """
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = _lab(rgb)
    lightness, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    vivid = (chroma > 40) & (chroma < 85) & (lightness > 42) & (lightness < 88)
    rgb, lab = rgb[vivid], lab[vivid]
    chosen = [int(np.argmin(np.linalg.norm(lab - _lab(FIRST_COLOR), axis=1)))]
    distance = np.full(len(lab), np.inf)
    while len(chosen) < 256:
        distance = np.minimum(distance, np.linalg.norm(lab - lab[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(distance)))
    return np.roll(rgb[chosen], 1, axis=0)


FIRST_COLOR = np.array([[230, 60, 60]], np.uint8)


def _lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Convert uint8 [N, 3] RGB to CIE Lab: L 0..100, a and b about -127..127."""
    return np.asarray(cv2.cvtColor(rgb[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0])


def with_answers(result: Segmentation) -> tuple[Mask, Mask]:
    """Return class ids and confidence for a picture, with the answers to questions over the mask."""
    mask, confidence = result.class_ids, result.confidence
    for class_id, answer in result.answers.items():
        mask, confidence = (
            np.where(answer > 0, new, old) for new, old in ((np.uint8(class_id), mask), (answer, confidence))
        )
    return mask, confidence


def overlay(
    rgb: Rgb,
    mask: Mask,
    labels: Mapping[int, str],
    confidence: Mask | None = None,
    *,
    alpha: float = 0.5,
    points: Iterable[PointOfInterest] = (),
) -> Rgb:
    """Return a copy of the image, uint8 [H, W, 3] RGB, with its classes coloured, outlined, pointed at and named.

    mask: uint8 [H, W]; pixels whose id `labels` lacks keep the image's colours. A labelled pixel becomes
    image * (1 - alpha) + colour * alpha; with `confidence` (uint8 [H, W]) alpha is scaled by half of it up, from
    alpha / 2 at 0 to alpha at 255. Where a pixel of another id is near it takes its full colour, as a contour.
    The legend names the classes that are in the mask.
    """
    picture = tinted(rgb, mask, labels, confidence, alpha=alpha)
    for point in points:
        _draw_point(picture, point)
    counts = np.bincount(mask.reshape(-1), minlength=256)
    draw_legend(picture, [(name, color_of(class_id)) for class_id, name in labels.items() if counts[class_id]])
    return picture


def tinted(
    rgb: Rgb, mask: Mask, labels: Mapping[int, str], confidence: Mask | None = None, *, alpha: float = 0.5
) -> Rgb:
    """Do what `overlay` does without the names: its classes coloured and outlined."""
    labelled = cv2.LUT(mask, _listed(labels))
    colors = cv2.LUT(cv2.merge([mask, mask, mask]), palette()[None])
    picture: Rgb = rgb.copy()
    cv2.copyTo(_blend(rgb, colors, confidence, alpha), labelled, picture)
    cv2.copyTo(colors, cv2.bitwise_and(_borders(mask), labelled), picture)
    return picture


def _listed(labels: Mapping[int, str]) -> Mask:
    """Return uint8 [256]: 255 for the ids that labels has, 0 for the others."""
    listed = np.zeros(256, np.uint8)
    listed[list(labels)] = 255
    return listed


def _blend(rgb: Rgb, colors: Rgb, confidence: Mask | None, alpha: float) -> Rgb:
    if confidence is None:
        return cast(Rgb, cv2.addWeighted(rgb, 1 - alpha, colors, alpha, 0))
    weight = confidence.astype(np.float32) * (alpha / 510) + alpha / 2
    return cast(Rgb, cv2.blendLinear(rgb, colors, 1 - weight, weight))


def _borders(mask: Mask) -> Mask:
    """Return 255 where a pixel of another id is near, wider in large images so that it is seen there too."""
    size = 3 + 2 * (max(mask.shape) // 1200)
    kernel = np.ones((size, size), np.uint8)
    return cast(Mask, cv2.compare(cv2.dilate(mask, kernel), cv2.erode(mask, kernel), cv2.CMP_NE))


def _draw_point(picture: Rgb, point: PointOfInterest) -> None:
    """Draw a disc of the class's colour with a cross and a white rim, at most a fortieth of the image wide."""
    radius = max(3, min(picture.shape[:2]) // 60)
    thickness = max(1, radius // 4)
    cv2.circle(picture, point.pixel, radius, color_of(point.class_id), cv2.FILLED, cv2.LINE_AA)
    cv2.circle(picture, point.pixel, radius, (255, 255, 255), thickness, cv2.LINE_AA)
    cv2.drawMarker(picture, point.pixel, (255, 255, 255), cv2.MARKER_CROSS, 2 * radius, thickness, cv2.LINE_AA)
