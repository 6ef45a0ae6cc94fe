# SPDX-License-Identifier: Apache-2.0
"""Find regions in a mask: connected components of each class, split at depth discontinuities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.vocabulary import UNLABELED_ID
from talk2dino_ros.perception.space.camera_model import GeometryError
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.perception.space.depth_jumps import JUMP_M, DepthJumps, find_jumps

if TYPE_CHECKING:
    from talk2dino_ros.engine.segmenter import Segmentation

Mask = NDArray[np.uint8]
Box = tuple[int, int, int, int]

# A class whose runs along the rows are shorter than this on average has more borders than following them is worth.
CRUMBLED_RUN = 8  # pixels


@dataclass(frozen=True, eq=False)
class Region:
    """A connected region of one class, cut out along its box."""

    class_id: int
    class_name: str
    box: Box  # x, y, width, height: the smallest upright box around the region
    area: int  # pixels
    mask: Mask  # uint8 [height, width] of the box: 1 inside the region
    confidence: float  # 0..255, mean over the region

    @cached_property
    def border_distance(self) -> NDArray[np.float32]:
        """Distance of each pixel of the box to the nearest one outside the region; 0 for those outside.

        The zero rim makes the image's own border count, so that a half-seen object's middle is not at the edge.
        """
        rimmed = cv2.copyMakeBorder(self.mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        distance: NDArray[np.float32] = cv2.distanceTransform(rimmed, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
        return distance


def layers_of(
    result: Segmentation, labels: Mapping[int, str], questions: Mapping[int, str]
) -> Iterator[tuple[Mask, Mask, Mapping[int, str]]]:
    """Return mask, confidence and id -> name of the classes, then of each question."""
    yield result.class_ids, result.confidence, labels
    for class_id, answer in result.answers.items():
        mask = np.where(answer > 0, np.uint8(class_id), np.uint8(UNLABELED_ID))
        yield mask, answer, {class_id: questions[class_id]}


def find_regions(
    mask: Mask,
    confidence: Mask,
    labels: Mapping[int, str],
    *,
    min_area_share: float = 0.002,
    max_per_class: int = 5,
    depth: Depth | None = None,
    depth_jump_m: float = JUMP_M,
) -> list[Region]:
    """Find the regions of each class in `labels`, in that order, the best of a class (area x confidence) first.

    mask, confidence: uint8 [H, W], ids and 0..255. Ids that `labels` lacks, the unlabeled one among them, are
    background. Pixels that touch by a corner belong together, unless `depth`, of the mask's own pixels, jumps
    between them (`split_by_depth`). Regions smaller than `min_area_share` (0..1) of the image are noise; at most
    `max_per_class` regions of a class come back.
    """
    if max_per_class == 0:
        return []
    min_area = min_area_share * mask.size
    jumps = _jumps(mask, depth, depth_jump_m)
    pixel_counts, run_counts = _counts(mask)
    found: list[Region] = []
    for class_id, class_name in labels.items():
        if pixel_counts[class_id] >= max(min_area, 1):
            is_crumbled = run_counts[class_id] * CRUMBLED_RUN > pixel_counts[class_id]
            outlines = _by_components if is_crumbled else _by_borders
            pieces = outlines((mask == class_id).view(np.uint8), min_area)
            regions = [_region(class_id, class_name, box, piece, confidence) for box, piece in pieces]
            if jumps is None:
                found += sorted(regions, key=_order)[:max_per_class]
            else:
                found += _best_parts(regions, max_per_class, confidence, jumps, min_area)
    return found


def _jumps(mask: Mask, depth: Depth | None, jump_m: float) -> DepthJumps | None:
    if depth is None:
        return None
    if depth.metres.shape != mask.shape:
        raise GeometryError(
            f"The depth has {depth.camera.width}x{depth.camera.height} pixels, but the mask"
            f" {mask.shape[1]}x{mask.shape[0]}; bring the depth to the mask's pixels first (Depth.seen_by)."
        )
    return find_jumps(depth, jump_m)


def split_by_depth(region: Region, confidence: Mask, jumps: DepthJumps, *, min_area: float = 0.0) -> list[Region]:
    """Cut a region where the depth jumps; return its parts, the heaviest first, or the region itself.

    confidence: uint8 [H, W] of the whole image; jumps: `find_jumps` of the depth at the image's pixels. Pixels
    without depth stay with the part they are nearest to. Parts smaller than `min_area` pixels, or long and
    thin beside the thickest, are left out.
    """
    regions = []
    for part in jumps.parts(region.mask, region.box, min_area):
        x, y, width, height = cv2.boundingRect(part)
        box = (region.box[0] + x, region.box[1] + y, width, height)
        piece = np.ascontiguousarray(part[y : y + height, x : x + width])
        regions.append(_region(region.class_id, region.class_name, box, piece, confidence))
    return sorted(regions, key=_order) or [region]


def _order(region: Region) -> tuple[float, Box]:
    return -region.area * region.confidence, region.box


def _best_parts(
    regions: Sequence[Region], count: int, confidence: Mask, jumps: DepthJumps, min_area: float
) -> list[Region]:
    """Return the `count` heaviest parts; none outweighs the region it is of, so only the heaviest regions are cut."""
    best: list[Region] = []
    for region in sorted(regions, key=_order):
        if len(best) == count and _order(best[-1]) < _order(region):
            break
        best = sorted([*best, *split_by_depth(region, confidence, jumps, min_area=min_area)], key=_order)[:count]
    return best


def _region(class_id: int, class_name: str, box: Box, mask: Mask, confidence: Mask) -> Region:
    x, y, width, height = box
    mean = min(cv2.mean(confidence[y : y + height, x : x + width], mask)[0], 255.0)  # it rounds up, too
    return Region(class_id, class_name, box, cv2.countNonZero(mask), mask, mean)


def _counts(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many pixels each id has, and in how many runs of the flattened rows they lie."""
    flat = np.ascontiguousarray(mask).reshape(1, -1)
    is_start = np.ones_like(flat)
    np.not_equal(flat[:, 1:], flat[:, :-1], out=is_start[:, 1:].view(np.bool_))
    pixels, runs = (cv2.calcHist([flat], [0], which, [256], [0, 256]) for which in (None, is_start))
    return pixels.reshape(-1).astype(np.int64), runs.reshape(-1).astype(np.int64)


def _by_components(class_mask: Mask, min_area: float) -> list[tuple[Box, Mask]]:
    """Do what `_by_borders` does, in a time that thousands of specks do not change."""
    _, labelled, statistics, _ = cv2.connectedComponentsWithStats(class_mask, connectivity=8)
    pieces = []
    for number in np.flatnonzero(statistics[1:, cv2.CC_STAT_AREA] >= min_area) + 1:
        x, y, width, height, _ = statistics[number].tolist()
        inside = labelled[y : y + height, x : x + width] == number
        pieces.append(((x, y, width, height), inside.astype(np.uint8)))
    return pieces


def _by_borders(class_mask: Mask, min_area: float) -> list[tuple[Box, Mask]]:
    """Find the connected regions of at least `min_area` pixels; class_mask: uint8 [H, W], 0 outside.

    Following the borders and filling the few large ones takes a fraction of the time of scoring every pixel.
    """
    contours, hierarchy = cv2.findContours(class_mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    pieces = []
    for index, outline in enumerate(contours):
        parent, hole = hierarchy[0, index, 3], hierarchy[0, index, 2]
        x, y, width, height = cv2.boundingRect(outline)
        if parent < 0 and width * height >= min_area:
            polygons = [outline]
            while hole >= 0:
                polygons.append(contours[hole])
                hole = hierarchy[0, hole, 0]
            mask = _filled(polygons, (x, y, width, height))
            if cv2.countNonZero(mask) >= min_area:
                pieces.append(((x, y, width, height), mask))
    return pieces


def _filled(polygons: Sequence[NDArray[np.int32]], box: Box) -> Mask:
    """Fill an outline and spare its holes; OpenCV's hole borders are the region's own pixels, so none is lost."""
    x, y, width, height = box
    mask: Mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, polygons, 1, offset=(-x, -y))
    return mask
