# SPDX-License-Identifier: Apache-2.0
"""Make points of interest from mask regions: a pixel inside each and, with depth, its 3D position.

The pixel is the one farthest from the region's border, not the centroid: a ring's centroid lies in its hole,
and depth read near a border is the background's as often as the object's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.space.positions import Position
from talk2dino_ros.perception.space.regions import Box, Mask, Region, find_regions

NO_DEPTH = "no depth was asked for"


@dataclass(frozen=True)
class PointOfInterest:
    """Point of interest: one region of one class in one image; pixels are (x, y), the first pixel is (0, 0)."""

    class_id: int
    class_name: str
    confidence: float  # 0..1, mean over the region
    area_share: float  # 0..1, the region's part of the image's pixels
    pixel: tuple[int, int]  # inside the region, as far from its border as it gets
    box: Box  # x, y, width, height: the smallest upright box around the region
    position: Position | None = None
    no_position_reason: str = ""  # where `position` is None: why, in one short sentence
    object_id: int = 0  # of the object that this is a detection of; 0: none


def find_points(
    mask: Mask,
    confidence: Mask,
    labels: Mapping[int, str],
    *,
    min_area_share: float = 0.002,
    max_per_class: int = 5,
) -> list[PointOfInterest]:
    """Find the points of interest of a mask without depth; the arguments and the order are those of `find_regions`."""
    regions = find_regions(mask, confidence, labels, min_area_share=min_area_share, max_per_class=max_per_class)
    return [point_of(region, mask.size) for region in regions]


def point_of(
    region: Region, image_area: int, position: Position | str = NO_DEPTH, object_id: int = 0
) -> PointOfInterest:
    """Make a region's point of interest; `position`: its position, or why there is none; image_area: pixels."""
    return PointOfInterest(
        class_id=region.class_id,
        class_name=region.class_name,
        confidence=region.confidence / 255,
        area_share=region.area / image_area,
        pixel=_innermost_pixel(region),
        box=region.box,
        position=position if isinstance(position, Position) else None,
        no_position_reason=position if isinstance(position, str) else "",
        object_id=object_id,
    )


def _innermost_pixel(region: Region) -> tuple[int, int]:
    """Return the region's pixel (x, y) farthest from its border; of several, the one nearest to the centroid."""
    distance = region.border_distance
    ys, xs = np.divmod(np.flatnonzero(distance >= distance.max() - 1e-3), distance.shape[1])
    centre_x, centre_y = (_centre(cv2.reduce(region.mask, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S)) for axis in (0, 1))
    best = int(np.argmin((xs - centre_x) ** 2 + (ys - centre_y) ** 2))
    return region.box[0] + int(xs[best]), region.box[1] + int(ys[best])


def _centre(counts: NDArray[np.int32]) -> float:
    """Return the mean position of pixels of which `counts` lie at each position."""
    flat = counts.reshape(-1).astype(np.float64)
    return float(flat @ np.arange(flat.size)) / float(flat.sum())
