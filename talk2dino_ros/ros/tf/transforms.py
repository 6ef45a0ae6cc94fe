# SPDX-License-Identifier: Apache-2.0
"""Rigid transforms, and the protocol for looking them up at a stamp. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.errors import Talk2DinoError

Floats = NDArray[np.float64]


class TransformError(Talk2DinoError):
    """No transform between two frames at a stamp."""


@dataclass(frozen=True, eq=False)
class Transform:
    """Maps points of one frame into another: rotation [3, 3] and translation [3] in metres.

    stamp_ns: when it holds; None where all frames between the two are static.
    """

    rotation: Floats
    translation: Floats
    stamp_ns: int | None = None

    @classmethod
    def identity(cls, stamp_ns: int | None = None) -> Transform:
        """Return the transform that leaves everything in place."""
        return cls(np.eye(3), np.zeros(3), stamp_ns)

    @classmethod
    def from_quaternion(
        cls, quaternion: Sequence[float], translation: Sequence[float], stamp_ns: int | None = None
    ) -> Transform:
        """Return the transform of a message: quaternion as x, y, z, w, of any length but zero."""
        x, y, z, w = np.asarray(quaternion, np.float64) / math.hypot(*quaternion)
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        return cls(rotation, np.array(translation, np.float64), stamp_ns)

    def apply(self, points: NDArray[np.floating[Any]]) -> Floats:
        """Return the points [..., 3] in the target's axes; NaN stays NaN."""
        turned: Floats = np.asarray(points, np.float64) @ self.rotation.T
        return turned + self.translation

    def inverse(self) -> Transform:
        """Return the transform back."""
        return Transform(self.rotation.T, -self.rotation.T @ self.translation, self.stamp_ns)

    @property
    def quaternion(self) -> tuple[float, float, float, float]:
        """The rotation as a quaternion of length 1: x, y, z, w, with w at least 0."""
        (a, b, c), (d, e, f), (g, h, i) = self.rotation.tolist()
        # four times each component times the largest, which no rounding makes small (Shepperd, 1978)
        rows = (
            (1 + a - e - i, b + d, c + g, h - f),
            (b + d, 1 - a + e - i, f + h, c - g),
            (c + g, f + h, 1 - a - e + i, d - b),
            (h - f, c - g, d - b, 1 + a + e + i),
        )
        largest = max(range(4), key=lambda number: rows[number][number])
        row = rows[largest]
        scale = math.copysign(1 / math.hypot(*row), row[3])
        x, y, z, w = (value * scale for value in row)
        return x, y, z, w

    @property
    def yaw(self) -> float:
        """The direction of the source's x axis in the target's x-y plane, in radians from x towards y."""
        return math.atan2(self.rotation[1, 0], self.rotation[0, 0])


class Transforms(Protocol):
    """A listener to TF."""

    source: str  # the library, for the log

    def lookup(self, target: str, source: str, stamp_ns: int | None, timeout_s: float = 0.0) -> Transform:
        """Return the transform that maps points of the frame `source` into `target`, never extrapolated.

        stamp_ns: when; None for the newest moment that all frames between the two know, which is right for the robot's
        own pose and for nothing that a camera saw.
        timeout_s: how long to wait, on the steady clock, for what is not known yet. Waiting is for other threads than
        the executor's, which has to go on receiving.
        Raises TransformError: one sentence with the frames, the stamp, what is known and what to do.
        """

    def clear(self) -> None:
        """Forget what was published on /tf, for the clock went back; what is static stays."""

    def destroy(self) -> None:
        """Stop listening; a lookup that waits ends with a TransformError."""
