# SPDX-License-Identifier: Apache-2.0
"""Camera model: pixels to rays and back, by the intrinsics and lens distortion at one image size.

Pixel (0, 0) is the centre of the first pixel, as in OpenCV and ROS, so the image begins at -0.5: scaling has to
move the principal point with its half pixel, else every point shifts when the image is resized.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_entries import shorten

Floats = NDArray[np.float64]

# Publishers name the lens in many ways, and the numbers decide: OpenCV takes so many for each kind.
POLYNOMIAL_NAMES = ("plumb_bob", "rational_polynomial", "radtan", "radial_tangential", "brown_conrady", "opencv")
FISHEYE_NAMES = ("equidistant", "fisheye", "kannala_brandt", "kannala_brandt4", "opencv_fisheye")
NO_LENS_NAMES = ("", "none", "pinhole", "null", "undistorted", "perspective")  # as drivers and simulators name no lens
POLYNOMIAL_COUNTS, FISHEYE_COUNTS = (4, 5, 8, 12, 14), (4,)
MOST_PLUMB_BOB = 5
# Rays that do not come back to their pixel are no inverse of the lens.
MAX_ROUND_TRIP = 0.25  # pixels
# OpenCV stops after five rounds by itself, far from done at the border of a wide lens.
UNDISTORTION_END = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-10)


class GeometryError(Talk2DinoError):
    """Camera, depth image or points from which no position can be computed; the stream goes on without them."""


@dataclass(frozen=True, eq=False)
class CameraModel:
    """Intrinsics and distortion of a camera at width x height; optical frame: x right, y down, z forward (REP 103).

    matrix: float64 [3, 3], [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels; distortion: the coefficients of
    `distortion_model` in OpenCV's order, () and "" where all are 0. The model's name is given as publishers write it
    and kept as one of sensor_msgs'. Raises GeometryError where these are no camera. Equal by value.
    """

    matrix: Floats
    distortion: tuple[float, ...]
    distortion_model: str  # plumb_bob, rational_polynomial, equidistant, or "" for none
    width: int
    height: int

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, np.float64)  # a copy that nobody changes: models are keys of caches
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)
        _check_size(self.width, self.height)
        _check_matrix(matrix)
        name, distortion = lens_of(self.distortion_model, self.distortion)
        object.__setattr__(self, "distortion", distortion)
        object.__setattr__(self, "distortion_model", name)

    def scaled(self, width: int, height: int) -> "CameraModel":
        """Return the model of the same view at another size; width and height may stretch by different factors."""
        _check_size(width, height)
        if (width, height) == (self.width, self.height):
            return self
        scale = np.array([width / self.width, height / self.height])
        matrix = np.array(self.matrix)
        with np.errstate(over="ignore", invalid="ignore"):  # the model refuses what is not finite
            matrix[[0, 1], [0, 1]] *= scale
            matrix[:2, 2] = (matrix[:2, 2] + 0.5) * scale - 0.5
        return CameraModel(matrix, self.distortion, self.distortion_model, width, height)

    def for_image(self, width: int, height: int) -> "CameraModel":
        """Return the model for a resized image of this camera; raise GeometryError for another aspect ratio (a crop).

        Raises GeometryError where the image's sides have another ratio, by more than a pixel, than the camera's.
        """
        if abs(width * self.height - height * self.width) > max(self.width, self.height):
            raise GeometryError(
                f"The image is {width}x{height} pixels, but the camera_info's {self.width}x{self.height} have"
                " another aspect ratio, so that it is not known which part was cut; let both come from one source."
            )
        return self.scaled(width, height)

    def rays(self, pixels: NDArray[Any]) -> Floats:
        """Return float64 [N, 2], the rays (x/z, y/z) of pixels [N, 2] (x, y).

        NaN where the lens cannot be inverted: beyond the range its coefficients hold for, or 90 degrees off axis.
        """
        points: Floats = np.ascontiguousarray(pixels, np.float64).reshape(-1, 2)
        if not self.distortion:
            return (points - self.matrix[:2, 2]) / self.matrix[[0, 1], [0, 1]]
        rays = self._undistort(points)
        back = self.project(np.column_stack([rays, np.ones(len(rays))]))
        rays[~(np.abs(back - points).max(axis=1, initial=0.0) <= MAX_ROUND_TRIP)] = np.nan
        return rays

    def ray_grid(self) -> NDArray[np.float32]:
        """Return float32 [h, w, 2], read-only: `rays` of every pixel; computed once for equal models."""
        return _ray_grid(self)

    def project(self, points: NDArray[Any]) -> Floats:
        """Project points [N, 3] in metres to pixels float64 [N, 2] (x, y); NaN for those not in front."""
        points = np.array(points, np.float64).reshape(-1, 3)
        points[~(points[:, 2] > 0)] = np.nan
        if not len(points):
            return np.empty((0, 2))
        rotation = translation = np.zeros(3)
        objects, coefficients = points.reshape(-1, 1, 3), np.array(self.distortion)
        if self.distortion_model == "equidistant":
            pixels, _ = cv2.fisheye.projectPoints(objects, rotation, translation, self.matrix, coefficients)
        else:
            pixels, _ = cv2.projectPoints(objects, rotation, translation, self.matrix, coefficients)
        projected: Floats = pixels.reshape(-1, 2)
        return projected

    def _undistort(self, points: Floats) -> Floats:
        source, coefficients = points.reshape(-1, 1, 2), np.array(self.distortion)
        if not len(points):
            return np.empty((0, 2))
        if self.distortion_model == "equidistant":
            rays = cv2.fisheye.undistortPoints(source, self.matrix, coefficients)
        elif hasattr(cv2, "undistortPointsIter"):  # OpenCV 4's name of what takes the criteria
            rays = cv2.undistortPointsIter(source, self.matrix, coefficients, None, None, UNDISTORTION_END)
        else:
            rays = cv2.undistortPoints(source, self.matrix, coefficients, criteria=UNDISTORTION_END)
        undistorted: Floats = rays.reshape(-1, 2)
        return undistorted

    def _key(self) -> tuple[object, ...]:
        return self.matrix.tobytes(), self.distortion, self.distortion_model, self.width, self.height

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CameraModel) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


@lru_cache(maxsize=8)  # a camera_info comes with every image and is always the same; 16 MB each at 1080p
def _ray_grid(camera: CameraModel) -> NDArray[np.float32]:
    ys, xs = np.mgrid[: camera.height, : camera.width]
    grid = camera.rays(np.column_stack([xs.ravel(), ys.ravel()])).astype(np.float32)
    grid.setflags(write=False)
    return grid.reshape(camera.height, camera.width, 2)


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise GeometryError(
            f"The camera's image is {width}x{height} pixels, expected at least 1x1; set width and height of its"
            " camera_info."
        )


def _check_matrix(matrix: Floats) -> None:
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise GeometryError(
            f"The camera matrix is {matrix.tolist()}, expected nine finite numbers; calibrate the camera, or"
            " correct its camera_info."
        )
    fx, fy = matrix[0, 0], matrix[1, 1]
    if not (fx > 0 and fy > 0):
        raise GeometryError(
            f"The camera's focal lengths are {fx:g} and {fy:g} pixels, expected both above 0; an uncalibrated"
            " camera publishes zeros, so calibrate it, or correct its camera_info."
        )
    rest = np.array([matrix[0, 1], matrix[1, 0], *(matrix[2] - (0, 0, 1))])
    if np.abs(rest).max() > 1e-9 * fx:
        raise GeometryError(
            f"The camera matrix is {matrix.tolist()}, expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]; correct its"
            " camera_info."
        )


def lens_of(name: str, coefficients: Sequence[float]) -> tuple[str, tuple[float, ...]]:
    """Return sensor_msgs' name of a lens and its coefficients, as many as OpenCV takes; "" and () for none.

    Raises GeometryError for an unknown name, for numbers of no lens, and for numbers beside a name of none.
    """
    values, kind = tuple(float(value) for value in coefficients), name.strip().casefold()
    shown = shorten(str(list(values)), 120)
    if not np.isfinite(np.array(values)).all():
        raise GeometryError(
            f"The distortion coefficients are {shown}, expected finite numbers; calibrate the camera, or"
            " correct its camera_info."
        )
    if kind in FISHEYE_NAMES:  # its zeros bend too
        return "equidistant", _fitting(name, values, FISHEYE_COUNTS)
    if not any(values) and kind in (*NO_LENS_NAMES, *POLYNOMIAL_NAMES):
        return "", ()
    if kind in POLYNOMIAL_NAMES:
        values = _fitting(name, values, POLYNOMIAL_COUNTS)
        return ("plumb_bob" if len(values) <= MOST_PLUMB_BOB else "rational_polynomial"), values
    if kind in NO_LENS_NAMES:
        raise GeometryError(
            f"The distortion model {shorten(name)} came with the coefficients {shown}, expected none or zeros; name"
            " the model that they belong to in its camera_info, such as plumb_bob."
        )
    known = ", ".join((*POLYNOMIAL_NAMES, *FISHEYE_NAMES))
    raise GeometryError(
        f"The distortion model {shorten(name)} is unknown, expected {known} or none; rectify the image and its depth,"
        " or convert the calibration."
    )


def _fitting(name: str, values: tuple[float, ...], counts: tuple[int, ...]) -> tuple[float, ...]:
    """Return the coefficients without zeros that no count has room for (drivers pad their arrays)."""
    if len(values) in counts:
        return values
    filled = max((index + 1 for index, value in enumerate(values) if value), default=0)
    shorter = [count for count in counts if filled <= count < len(values)]
    if not shorter:
        raise GeometryError(
            f"The distortion model {shorten(name)} came with {len(values)} coefficients, expected"
            f" {' or '.join(map(str, counts))}; correct the camera_info."
        )
    return values[: shorter[-1]]
