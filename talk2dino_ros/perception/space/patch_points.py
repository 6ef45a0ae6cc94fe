# SPDX-License-Identifier: Apache-2.0
"""Compute a 3D point for each patch of an image from depth: on the surface that fills most of the patch.

The depth is the median, not a low quantile: of a floor that slopes through the patch the median is the depth of its
middle, while a quantile lies in front of it, and noise pulls a quantile forwards too. At the border of two surfaces it
is that of the larger one, which the patch's features are of as well. Where both are as large, it may fall on a pixel
that a depth camera mixed of both, a point in the air. There the middle tenth of the depths spans most of what all of
them do, while on any plane it spans a tenth of it, in inverse depth, which is linear in the pixels.
"""

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.space.depth import Depth

SAMPLES = 9  # a side of the grid of pixels that are looked at in each patch; odd, so that it has a middle
MIN_DEPTH_SHARE = 0.25  # of a patch: less is a hole with a rim
MIDDLE = (0.45, 0.55)  # the middle tenth of a patch's depths
MOST_SPREAD = 0.5  # of all its inverse depths' span that of the middle ones may be


def patch_points(
    depth: Depth, centres: NDArray[np.float32], size: tuple[float, float], *, near_m: float, far_m: float
) -> NDArray[np.float32]:
    """Return float32 [N, 3], metres in the optical frame, of patches; NaN where there is no depth.

    depth: of the image's own pixels. centres: float32 [N, 2], x and y in the image's pixels, from the first pixel's
    corner. size: height and width of a patch in the same. Depth outside near_m..far_m counts as none. A point lies on
    the ray of the patch's centre.
    """
    z = _median_depths(_samples(depth.metres, centres, size), near_m, far_m)
    rays = depth.camera.rays(centres.astype(np.float64) - 0.5)  # the camera's pixel (0, 0) is the first one's middle
    points = np.column_stack([rays * z[:, None], z])
    points[np.isnan(points).any(axis=1)] = np.nan
    return points.astype(np.float32)


def _samples(
    metres: NDArray[np.float32], centres: NDArray[np.float32], size: tuple[float, float]
) -> NDArray[np.float32]:
    """Return the depths at an even grid of each patch's pixels: float32 [N, SAMPLES^2]."""
    offsets = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
    rows, columns = (
        np.clip(np.floor(centre[:, None] + offsets * side).astype(np.intp), 0, most - 1)
        for centre, side, most in zip((centres[:, 1], centres[:, 0]), size, metres.shape, strict=True)
    )
    return metres[rows[:, :, None], columns[:, None, :]].reshape(len(centres), -1)


def _median_depths(depths: NDArray[np.float32], near_m: float, far_m: float) -> NDArray[np.float32]:
    """Return each row's median depth, of two middle ones the nearer; NaN where too few are there, or it is on none."""
    with np.errstate(invalid="ignore"):
        ordered = np.sort(np.where((depths >= near_m) & (depths <= far_m), depths, np.nan), axis=1)  # NaN comes last
    last = np.maximum(np.isfinite(ordered).sum(axis=1) - 1, 0)
    first, low, middle, high, end = (
        np.take_along_axis(ordered, each[:, None].astype(np.intp), axis=1)[:, 0]
        for each in (0 * last, np.floor(MIDDLE[0] * last), last // 2, np.ceil(MIDDLE[1] * last), last)
    )
    with np.errstate(invalid="ignore"):
        is_surface = 1 / low - 1 / high <= MOST_SPREAD * (1 / first - 1 / end)
    is_seen = last + 1 >= MIN_DEPTH_SHARE * depths.shape[1]
    return np.where(is_seen & is_surface, middle, np.float32(np.nan))
