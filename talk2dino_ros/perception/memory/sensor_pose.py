# SPDX-License-Identifier: Apache-2.0
"""Pose of a camera's optical frame (x right, y down, z forward) in the map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.errors import Talk2DinoError

Floats = NDArray[np.float64]
UNIT = 0.01  # how far from 1 a quaternion's length may be
ROUNDING = 1e-12  # so far from it, it stays as it is: what was written is read bit by bit


class PoseError(Talk2DinoError):
    """A pose that is none."""


@dataclass(frozen=True)
class SensorPose:
    """position: x, y, z in metres; orientation: quaternion x, y, z, w, brought to length 1.

    Raises PoseError where a number is not finite or the quaternion has not about length 1.
    """

    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        length = math.hypot(*self.orientation)
        if not (np.isfinite(self.position).all() and abs(length - 1) <= UNIT):
            raise PoseError(
                f"a pose is {self.position}, {self.orientation}, expected finite numbers and a quaternion of length 1; "
                "look at the transform it came from"
            )
        length = 1.0 if abs(length - 1) < ROUNDING else length
        x, y, z, w = (value / length for value in self.orientation)
        object.__setattr__(self, "orientation", (x, y, z, w))

    @property
    def rotation(self) -> Floats:
        """float64 [3, 3]: turns the sensor's axes into the map's."""
        x, y, z, w = self.orientation
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )

    def to_map(self, points: NDArray[np.floating]) -> Floats:
        """Turn points [N, 3] of the sensor's frame into the map's."""
        moved: Floats = np.asarray(points, np.float64) @ self.rotation.T + self.position
        return moved

    def to_sensor(self, points: NDArray[np.floating]) -> Floats:
        """Turn points [N, 3] of the map into the sensor's frame."""
        return (np.asarray(points, np.float64) - self.position) @ self.rotation

    def distance_to(self, other: SensorPose) -> float:
        """Return the metres between the two positions."""
        return float(np.linalg.norm(np.subtract(self.position, other.position)))

    def angle_to(self, other: SensorPose) -> float:
        """Return the degrees, 0 to 180, by which one has to be turned to look like the other."""
        cosine = min(1.0, abs(float(np.dot(self.orientation, other.orientation))))  # a quaternion and its negative: one
        return float(np.degrees(2 * np.arccos(cosine)))

    def after(self, inner: SensorPose) -> SensorPose:
        """Return this pose after the inner one: where `inner` is in the frame that this is the pose of."""
        x, y, z = self.to_map(np.array([inner.position]))[0].tolist()
        return SensorPose((x, y, z), _product(self.orientation, inner.orientation))

    def inverse(self) -> SensorPose:
        """Return the pose of the map in the sensor's frame."""
        x, y, z = self.to_sensor(np.zeros((1, 3)))[0].tolist()
        a, b, c, w = self.orientation
        return SensorPose((x, y, z), (-a, -b, -c, w))


def between(one: SensorPose, other: SensorPose, share: float) -> SensorPose:
    """Return the pose on the way from one to the other, share 0..1; the rotation at constant speed (slerp)."""
    x, y, z = (np.array(one.position) * (1 - share) + np.array(other.position) * share).tolist()
    start, end = np.array(one.orientation), np.array(other.orientation)
    cosine = float(start @ end)
    if cosine < 0:
        end, cosine = -end, -cosine
    angle = float(np.arccos(min(1.0, cosine)))
    if angle < 1e-6:
        mixed = start
    else:
        mixed = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)
    a, b, c, w = mixed.tolist()
    return SensorPose((x, y, z), (a, b, c, w))


def _product(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Return the Hamilton product: first `other`, then `one`."""
    x, y, z, w = one
    a, b, c, d = other
    return (
        w * a + x * d + y * c - z * b,
        w * b - x * c + y * d + z * a,
        w * c + x * b - y * a + z * d,
        w * d - x * a - y * b - z * c,
    )
