# SPDX-License-Identifier: Apache-2.0
"""Depth images in metres along the optical axis, with NaN for missing depth.

What a driver writes where it saw nothing differs (0, NaN, infinity, negative numbers); here, and nowhere else,
they become NaN, so that no zero is ever taken for a place at the camera's own lens.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError

MAX_MISS = 5.0  # pixels at the image's centre; half a pixel at a wide lens's border is some of them
# REP 118; mono16 is what some drivers call their millimetres. Metres per unit.
UNITS_M = {"16UC1": 0.001, "mono16": 0.001, "32FC1": 1.0, "64FC1": 1.0}


def depth_to_metres(values: NDArray[Any], encoding: str) -> NDArray[np.float32]:
    """Convert to float32 [h, w] metres, NaN where there is no depth: 0, NaN, infinite or negative values.

    values: [h, w] of the encoding's type. Raises GeometryError where the encoding is not a depth image's.
    """
    if encoding not in UNITS_M:
        raise GeometryError(
            f"The depth image's encoding is {shorten(encoding)}, expected 16UC1 (millimetres) or 32FC1 (metres); remap"
            " `depth` to a depth topic."
        )
    # beyond what float32 holds it is as far as infinity; a NaN may be one that signals
    with np.errstate(over="ignore", invalid="ignore"):
        metres = values.astype(np.float32)
    if UNITS_M[encoding] != 1.0:
        metres *= np.float32(UNITS_M[encoding])
    metres[~((metres > 0) & (metres < np.inf))] = np.nan
    return metres


@dataclass(frozen=True, eq=False)
class Depth:
    """One depth image and the camera whose pixels it has."""

    metres: NDArray[np.float32]  # [h, w], along the optical axis; NaN: none
    camera: CameraModel

    def __post_init__(self) -> None:
        height, width = self.metres.shape
        if (width, height) != (self.camera.width, self.camera.height):
            raise GeometryError(
                f"The depth image is {width}x{height} pixels, but its camera model is of"
                f" {self.camera.width}x{self.camera.height}; scale the model to the image."
            )

    def points(self) -> NDArray[np.float32]:
        """Return float32 [h, w, 3], x, y, z in metres of every pixel in the optical frame; NaN where no depth."""
        rays = self.camera.ray_grid()
        points = np.empty((*self.metres.shape, 3), np.float32)
        points[..., 0] = rays[..., 0] * self.metres
        points[..., 1] = rays[..., 1] * self.metres
        points[..., 2] = self.metres
        points[np.isnan(rays[..., 0])] = np.nan  # a place of which only z is known is none
        return points

    def at_size(self, width: int, height: int) -> "Depth":
        """Resize by nearest neighbour, as means would invent surfaces between objects."""
        return self.seen_by(self.camera.scaled(width, height))

    def seen_by(self, camera: CameraModel) -> "Depth":
        """Return the depth at each pixel of another camera in the same optical frame, an image's or a mask's.

        The nearest depth pixel counts; NaN where `camera` sees past this image's border. Both have to be
        registered to one another: a camera at another place sees other surfaces, which nothing here can know.
        """
        if camera == self.camera:
            return self
        if _is_scaled(self.camera, camera):
            size = camera.width, camera.height
            metres = cv2.resize(self.metres, size, interpolation=cv2.INTER_NEAREST_EXACT)
        else:
            sources = _nearest_pixels(self.camera, camera)
            metres = np.append(self.metres.ravel(), np.float32(np.nan))[sources]
        return Depth(metres, camera)


def _is_scaled(camera: CameraModel, other: CameraModel) -> bool:
    """Whether both have one view, so that their pixels differ by a factor only."""
    scaled = camera.scaled(other.width, other.height)
    same_lens = (scaled.distortion_model, scaled.distortion) == (other.distortion_model, other.distortion)
    return same_lens and bool(np.allclose(scaled.matrix, other.matrix, rtol=1e-6, atol=1e-3))


@lru_cache(maxsize=8)
def _nearest_pixels(source: CameraModel, target: CameraModel) -> NDArray[np.intp]:
    """Return for each pixel of target [h, w] the source pixel on its ray, as a flat index; one past the end: none."""
    rays = target.ray_grid().reshape(-1, 2)
    pixels = source.project(np.column_stack([rays, np.ones(len(rays))]))
    with np.errstate(invalid="ignore"):
        xs, ys = np.floor(pixels + 0.5).T
        inside = np.flatnonzero((xs >= 0) & (xs < source.width) & (ys >= 0) & (ys < source.height))
    columns, rows = xs[inside].astype(np.intp), ys[inside].astype(np.intp)
    # A lens polynomial folds back beyond the angles it was fitted for: what comes out at a pixel is not what it sees.
    miss = np.abs(source.ray_grid()[rows, columns] - rays[inside]).max(axis=1, initial=0.0) * source.matrix[0, 0]
    indices = np.full(len(rays), source.width * source.height, np.intp)
    indices[inside] = np.where(miss <= MAX_MISS, rows * source.width + columns, indices[inside])
    return indices.reshape(target.height, target.width)
