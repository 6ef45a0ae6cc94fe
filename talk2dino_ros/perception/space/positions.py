# SPDX-License-Identifier: Apache-2.0
"""Compute a region's 3D position from depth: its visible surface without outlier pixels.

Depth inside a mask is wrong in three ways. Its border shows the background as often as the object, so the
region is peeled. Some pixels have no depth, and a handful of them proves nothing, so too few are none at all. And
some are elsewhere, through a hole or between two surfaces, so only what lies around the densest half counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.space.camera_model import GeometryError
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.perception.space.regions import Region

Floats = NDArray[np.float64]

NEAR_M, FAR_M = 0.1, 10.0  # nearer is the sensor's error, farther is uncertain with most depth cameras
MAX_POINTS = 2000  # enough for a median; more only take time
# Tukey's fences, around the shortest half of the depths in place of the quartiles: up to half may be strays.
FENCE = 1.5
MIN_SPREAD = 0.01  # of the depth: a board that faces the camera is not told from its own noise


@dataclass(frozen=True)
class Position:
    """Position, covariance and extent in metres, in `frame_id`."""

    xyz: tuple[float, float, float]  # the middle of what is seen of the surface
    covariance: tuple[float, ...]  # nine, m^2, row-major: the spread of the seen surface about xyz
    extent: tuple[float, float, float]  # along the frame's axes, between the 5th and the 95th percentile
    frame_id: str


def surface_points(
    region: Region,
    depth: Depth,
    *,
    near_m: float = NEAR_M,
    far_m: float = FAR_M,
    erosion: float = 0.3,
    min_depth_share: float = 0.1,
) -> Floats | str:
    """Return float64 [N, 3], at most 2000 points of the region's surface in the optical frame, or why there are none.

    depth: of the mask's own pixels (`Depth.seen_by`). erosion: 0..1, which part of the way from the border to
    the region's innermost pixel is left out. Depth outside near_m..far_m counts as none; where less than
    min_depth_share of the pixels have any, there are no points. Points far from the densest half are dropped.
    Raises GeometryError where the depth is smaller than the region's image.
    """
    xs, ys = _inner_pixels(region, erosion)
    metres = _depth_at(depth, xs, ys)
    has_depth = np.isfinite(metres)
    in_range = has_depth & (metres >= near_m) & (metres <= far_m)
    reason = _why_none(metres[has_depth], in_range, near_m, far_m, min_depth_share)
    if reason:
        return reason
    z = metres[in_range]
    kept = _is_dense(z)
    xs, ys, z = xs[in_range][kept], ys[in_range][kept], z[kept]
    points = np.column_stack([depth.camera.ray_grid()[ys, xs] * z[:, None], z])
    seen = points[np.isfinite(points[:, 0])]
    return seen if len(seen) else f"the lens model cannot be inverted at any of the {len(z)} pixels with depth"


def position_of(points: Floats, frame_id: str) -> Position:
    """Return the centre, covariance and extent of points [N, 3]. Raises GeometryError where there are none."""
    finite = int(np.isfinite(points).all(axis=1).sum())
    if not len(points) or finite < len(points):
        raise GeometryError(
            f"{finite} of {len(points)} points in '{frame_id}' are finite, expected all and at least one; look for NaN"
            " in the transform to that frame."
        )
    low, middle, high = np.percentile(points, [5, 50, 95], axis=0)
    spread = points - middle
    return Position(
        _triple(middle), tuple((spread.T @ spread / len(points)).ravel().tolist()), _triple(high - low), frame_id
    )


def _triple(values: Floats) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z


def _inner_pixels(region: Region, erosion: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return x and y in the image of at most MAX_POINTS pixels deep inside, on an even grid."""
    distance = region.border_distance
    inside = distance >= max(erosion * float(distance.max()), 1e-6)
    stride = int(np.ceil(np.sqrt(np.count_nonzero(inside) / MAX_POINTS)))
    ys, xs = np.nonzero(inside[stride // 2 :: stride, stride // 2 :: stride])
    if not len(ys):  # stripes that the grid passes between
        stride = 1
        ys, xs = (indices[:: -(-len(indices) // MAX_POINTS)] for indices in np.nonzero(inside))
    return xs * stride + stride // 2 + region.box[0], ys * stride + stride // 2 + region.box[1]


def _depth_at(depth: Depth, xs: NDArray[np.intp], ys: NDArray[np.intp]) -> Floats:
    height, width = depth.metres.shape
    if int(xs.max()) >= width or int(ys.max()) >= height:
        raise GeometryError(
            f"The region reaches pixel ({int(xs.max())}, {int(ys.max())}), but the depth has {width}x{height} pixels;"
            " bring it to the mask's pixels first (Depth.seen_by)."
        )
    return depth.metres[ys, xs].astype(np.float64)


def _why_none(depths: Floats, in_range: NDArray[np.bool_], near_m: float, far_m: float, min_share: float) -> str:
    """Return one short sentence where the pixels are not enough for a position, else ''."""
    total, count = in_range.size, int(np.count_nonzero(in_range))
    if not len(depths):
        return f"no depth inside the region (all {total} pixels are zero, NaN or infinite)"
    if not count:
        return (
            f"no depth between {near_m:g} and {far_m:g} m inside the region"
            f" (it is {depths.min():.2f} to {depths.max():.2f} m at {len(depths)} of {total} pixels)"
        )
    if count < min_share * total:
        return f"too little depth inside the region ({count} of {total} pixels, {min_share:.0%} are needed)"
    return ""


def _is_dense(depths: Floats) -> NDArray[np.bool_]:
    """Return which depths lie within the fences around the shortest interval that holds half of them."""
    ordered = np.sort(depths)
    half = len(ordered) // 2
    start = int(np.argmin(ordered[half:] - ordered[: len(ordered) - half]))
    low, high = ordered[start], ordered[start + half]
    reach = FENCE * max(high - low, MIN_SPREAD * low)
    kept: NDArray[np.bool_] = (depths >= low - reach) & (depths <= high + reach)
    return kept
