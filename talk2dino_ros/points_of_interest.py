# SPDX-License-Identifier: Apache-2.0
"""From a mask to places: the connected regions of each class, and in each the pixel to go to or look at.

The pixel is the one farthest from the region's border, not the centroid: a ring's centroid lies in its hole,
and depth read near a border is the background's as often as the object's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Box = tuple[int, int, int, int]

# A class whose runs along the rows are shorter than this on average has more borders than following them is worth.
CRUMBLED_RUN = 8  # pixels


@dataclass(frozen=True)
class PointOfInterest:
    """One place of one class in one image; pixels are (x, y) of the image, the first pixel is (0, 0)."""

    class_id: int
    class_name: str
    confidence: float  # 0..1, mean over the region
    area_share: float  # 0..1, the region's part of the image's pixels
    pixel: tuple[int, int]  # inside the region, as far from its border as it gets
    box: Box  # x, y, width, height: the smallest upright box around the region
    position: tuple[float, float, float] | None = None  # metres; None without depth


@dataclass(frozen=True)
class Region:
    """A connected region, cut out along its box."""

    box: Box
    area: int  # pixels
    mask: Mask  # uint8 [height, width] of the box: 1 inside the region
    confidence: float  # 0..255, mean over the region


def find_points(
    mask: Mask,
    confidence: Mask,
    labels: Mapping[int, str],
    *,
    min_area_share: float = 0.002,
    max_per_class: int = 5,
) -> list[PointOfInterest]:
    """Find the regions of each class in `labels`, in that order, the best of a class (area x confidence) first.

    mask, confidence: uint8 [H, W], ids and 0..255. Ids that `labels` lacks, the unlabeled one among them, are
    background. Pixels that touch by a corner belong together. Regions smaller than `min_area_share` (0..1) of
    the image are noise; at most `max_per_class` regions of a class come back.
    """
    min_area = min_area_share * mask.size
    pixel_counts, run_counts = _counts(mask)
    points = []
    for class_id, class_name in labels.items():
        if pixel_counts[class_id] >= max(min_area, 1):
            is_crumbled = run_counts[class_id] * CRUMBLED_RUN > pixel_counts[class_id]
            find_regions = _regions_by_labelling if is_crumbled else _regions_by_borders
            regions = find_regions((mask == class_id).view(np.uint8), confidence, min_area)
            regions.sort(key=lambda region: (-region.area * region.confidence, region.box))
            points += [_point(region, class_id, class_name, mask.size) for region in regions[:max_per_class]]
    return points


def _counts(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many pixels each id has, and in how many runs of the flattened rows they lie."""
    flat = np.ascontiguousarray(mask).reshape(1, -1)
    is_start = np.ones_like(flat)
    np.not_equal(flat[:, 1:], flat[:, :-1], out=is_start[:, 1:].view(np.bool_))
    pixels, runs = (cv2.calcHist([flat], [0], which, [256], [0, 256]) for which in (None, is_start))
    return pixels.reshape(-1).astype(np.int64), runs.reshape(-1).astype(np.int64)


def _regions_by_labelling(class_mask: Mask, confidence: Mask, min_area: float) -> list[Region]:
    """Do what `_regions_by_borders` does, in a time that thousands of specks do not change."""
    _, labelled, statistics, _ = cv2.connectedComponentsWithStats(class_mask, connectivity=8)
    regions = []
    for number in np.flatnonzero(statistics[1:, cv2.CC_STAT_AREA] >= min_area) + 1:
        x, y, width, height, area = statistics[number].tolist()
        rows, columns = slice(y, y + height), slice(x, x + width)
        mask = (labelled[rows, columns] == number).astype(np.uint8)
        regions.append(Region((x, y, width, height), area, mask, cv2.mean(confidence[rows, columns], mask)[0]))
    return regions


def _regions_by_borders(class_mask: Mask, confidence: Mask, min_area: float) -> list[Region]:
    """Find the connected regions of at least `min_area` pixels; class_mask: uint8 [H, W], 0 outside.

    Following the borders and filling the few large ones takes a fraction of the time of labelling every pixel.
    """
    contours, hierarchy = cv2.findContours(class_mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    regions = []
    for index, outline in enumerate(contours):
        parent, hole = hierarchy[0, index, 3], hierarchy[0, index, 2]
        x, y, width, height = cv2.boundingRect(outline)
        if parent < 0 and width * height >= min_area:
            polygons = [outline]
            while hole >= 0:
                polygons.append(contours[hole])
                hole = hierarchy[0, hole, 0]
            region = _filled(polygons, (x, y, width, height), confidence)
            if region.area >= min_area:
                regions.append(region)
    return regions


def _filled(polygons: Sequence[NDArray[np.int32]], box: Box, confidence: Mask) -> Region:
    """Fill an outline and spare its holes; OpenCV's hole borders are the region's own pixels, so none is lost."""
    x, y, width, height = box
    mask: Mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, polygons, 1, offset=(-x, -y))
    mean = cv2.mean(confidence[y : y + height, x : x + width], mask)[0]
    return Region(box, cv2.countNonZero(mask), mask, mean)


def _point(region: Region, class_id: int, class_name: str, image_area: int) -> PointOfInterest:
    return PointOfInterest(
        class_id=class_id,
        class_name=class_name,
        confidence=region.confidence / 255,
        area_share=region.area / image_area,
        pixel=_innermost_pixel(region),
        box=region.box,
    )


def _innermost_pixel(region: Region) -> tuple[int, int]:
    """The region's pixel (x, y) farthest from its border; of several, the one nearest to the centroid.

    The zero rim makes the image's own border count, so that a half-seen object's point is not at the edge.
    """
    rimmed = cv2.copyMakeBorder(region.mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(rimmed, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    ys, xs = np.divmod(np.flatnonzero(distance >= distance.max() - 1e-3), distance.shape[1])
    centre_x, centre_y = (_centre(cv2.reduce(region.mask, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S)) for axis in (0, 1))
    best = int(np.argmin((xs - centre_x) ** 2 + (ys - centre_y) ** 2))
    return region.box[0] + int(xs[best]), region.box[1] + int(ys[best])


def _centre(counts: NDArray[np.int32]) -> float:
    """The mean position of pixels of which `counts` lie at each position."""
    flat = counts.reshape(-1).astype(np.float64)
    return float(flat @ np.arange(flat.size)) / float(flat.sum())
