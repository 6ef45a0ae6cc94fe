# SPDX-License-Identifier: Apache-2.0
"""Detect depth discontinuities between surfaces, robust to sloping surfaces and noise.

A floor seen at a grazing angle steps by decimetres from pixel to pixel, as a jump does. But the inverse depth of
any plane is linear in the pixels: over a window three times as wide it changes three times as much, while across a
jump it changes as much as over the narrow one. So from the ranges r and R over windows of 2 and of 6 pixels,
r - (R - r) / 2 is 0 on every plane, and the jump's height on a jump, on a slope too.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.space.depth import Depth

Mask = NDArray[np.uint8]
Box = tuple[int, int, int, int]

JUMP_M = 0.25
JUMP_SHARE = 0.05  # of the depth: after the median, noise of 2 % of the depth stays under it
WORK_SIDE = 320  # pixels a side that jumps are looked for on: coarse masks need no finer cut
# What is thin beside the thickest part, and long, is what a coarse mask spills over the object's edge and no object. A
# square's half-thickness squared is 0.25 of its area, a standing person's 0.08, that of a frame around them 0.02, that
# of two strips along the corner of something nearer, a patch or two wide, 0.05 to 0.065.
MIN_THICKNESS, MIN_COMPACTNESS = 0.4, 0.07
NARROW, WIDE = np.ones((3, 3), np.uint8), np.ones((7, 7), np.uint8)


@dataclass(frozen=True, eq=False)
class DepthJumps:
    """Depth discontinuities of one image, on a grid of every `stride`-th pixel of it."""

    grid: Mask  # uint8 [h, w]: 1 on both sides of a jump
    stride: int

    def parts(self, mask: Mask, box: Box, min_area: float) -> list[Mask]:
        """Cut a region, uint8 [height, width] of its box, along the jumps; return the parts' masks of the box.

        [] where it is one piece. Pixels on a cut go to the part they are nearest to. Parts of less than `min_area`
        pixels, and those that are long and thin beside the thickest, are left out.
        """
        labels, rows, columns = self._label(mask, box)
        count = int(labels.max(initial=0))
        if count < 2:
            return []
        areas = np.bincount(labels.ravel(), minlength=count + 1)[1:] * self.stride**2
        large = np.flatnonzero(areas >= min_area) + 1
        thickness = np.array([_thickness(labels == number) for number in large.tolist()]) * self.stride
        is_object = thickness**2 >= MIN_COMPACTNESS * areas[large - 1]
        is_object |= thickness >= MIN_THICKNESS * thickness.max(initial=0)
        at_pixels = labels[rows][:, columns] * mask
        return [(at_pixels == number).view(np.uint8) for number in large[is_object]]

    def _label(self, mask: Mask, box: Box) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.intp]]:
        """Label the parts on the box's piece of the grid, 0 outside the region; and tell each pixel's place on it."""
        (first_x, columns), (first_y, rows) = self._on_grid(box[0], box[2]), self._on_grid(box[1], box[3])
        half = self.stride // 2
        inside = mask[
            first_y * self.stride + half - box[1] :: self.stride, first_x * self.stride + half - box[0] :: self.stride
        ]
        height, width = inside.shape
        surfaces = inside & (self.grid[first_y : first_y + height, first_x : first_x + width] ^ 1)
        if not inside.size or cv2.connectedComponents(surfaces, connectivity=8)[0] <= 2:  # the first is the outside
            return np.zeros(inside.shape, np.int32), rows, columns
        _, nearest = cv2.distanceTransformWithLabels(surfaces ^ 1, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP)
        return nearest * inside, rows, columns

    def _on_grid(self, start: int, length: int) -> tuple[int, NDArray[np.intp]]:
        """Return the grid's first sample in a stretch of pixels, and each pixel's nearest one, counted from it."""
        half = self.stride // 2
        first = -((half - start) // self.stride)
        last = (start + length - 1 - half) // self.stride
        nearest = (np.arange(start, start + length) // self.stride).clip(first, max(first, last))
        return first, nearest - first


def find_jumps(depth: Depth, jump_m: float = JUMP_M) -> DepthJumps:
    """Find where neighbours differ by more than `jump_m`, and by more than a twentieth of their depth."""
    stride = -(-max(depth.metres.shape) // WORK_SIDE)
    metres = np.ascontiguousarray(depth.metres[stride // 2 :: stride, stride // 2 :: stride])
    if np.isnan(metres).all():
        return DepthJumps(np.zeros(metres.shape, np.uint8), stride)
    inverse = cv2.medianBlur(1 / _filled(metres), 5)
    nearest, farthest = cv2.dilate(inverse, NARROW), cv2.erode(inverse, NARROW)
    step = nearest - farthest
    wide_step = cv2.dilate(inverse, WIDE) - cv2.erode(inverse, WIDE)
    jump = (1.5 * step - 0.5 * wide_step) / (nearest * farthest)
    return DepthJumps((jump > np.maximum(jump_m, JUMP_SHARE / nearest)).view(np.uint8), stride)


def _filled(metres: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give pixels without depth the nearest pixel's, so that a hole in a surface is no jump and its edge neither."""
    is_missing = np.isnan(metres)
    if not is_missing.any():
        return metres
    _, labels = cv2.distanceTransformWithLabels(
        is_missing.view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    depths = np.zeros(int(labels.max()) + 1, np.float32)
    depths[labels[~is_missing]] = metres[~is_missing]
    filled: NDArray[np.float32] = metres.copy()
    filled[is_missing] = depths[labels[is_missing]]
    return filled


def _thickness(inside: NDArray[np.bool_]) -> float:
    """Return how far the innermost pixel is from the border."""
    rimmed = cv2.copyMakeBorder(inside.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return float(cv2.distanceTransform(rimmed, cv2.DIST_L2, 5).max())
