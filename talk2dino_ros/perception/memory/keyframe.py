# SPDX-License-Identifier: Apache-2.0
"""A remembered image, and which images become one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.space.clock_jump import is_jump_back

MILLIMETRE = 0.001
FARTHEST_M = 32.0  # what int16 holds in millimetres
DISTANCE_M, ANGLE_DEG = 0.4, 25.0  # that a camera moves or turns between two remembered images, unless it is set


@dataclass(frozen=True, eq=False)
class Keyframe:
    """One remembered image: what its patches look like, and where they are.

    stamp_ns: of the image. camera: its name. pose: of the optical frame in the map.
    codes: int8 [N, k] and scales: float32 [N]: features of length 1 (see feature_basis.py).
    millimetres: int16 [N, 3], x, y, z in the optical frame, so that a corrected pose moves them all.
    centres: uint16 [N, 2], x, y in pixels of the picture; patch_size: (height, width) in the same.
    jpeg: the picture; b"" where there is none.
    """

    stamp_ns: int
    camera: str
    pose: SensorPose
    codes: NDArray[np.int8]
    scales: NDArray[np.float32]
    millimetres: NDArray[np.int16]
    centres: NDArray[np.uint16]
    patch_size: tuple[float, float] = (0.0, 0.0)
    jpeg: bytes = b""

    @property
    def points(self) -> NDArray[np.float64]:
        """float64 [N, 3], metres in the map."""
        return self.pose.to_map(self.millimetres * MILLIMETRE)

    def only(self, kept: NDArray[np.bool_]) -> Keyframe:
        """Return the keyframe with some of its patches."""
        return replace(
            self,
            codes=self.codes[kept],
            scales=self.scales[kept],
            millimetres=self.millimetres[kept],
            centres=self.centres[kept],
        )

    def with_jpeg(self, jpeg: bytes) -> Keyframe:
        """Return the keyframe with another picture."""
        return replace(self, jpeg=jpeg)

    def at(self, pose: SensorPose) -> Keyframe:
        """Return the keyframe as seen from another pose."""
        return replace(self, pose=pose)


def to_millimetres(points: NDArray[np.floating]) -> NDArray[np.int16]:
    """Return int16 [N, 3] of points in metres, each within FARTHEST_M along each axis."""
    return np.rint(np.asarray(points) / MILLIMETRE).astype(np.int16)


class KeyframeChoice:
    """Which images are worth remembering: those from elsewhere than the camera's last one, or turned from it.

    distance_m, angle_deg: how far, and by how much. Each camera has its own last one. A clock that jumps back (a bag
    that starts again) begins anew.
    """

    def __init__(self, distance_m: float, angle_deg: float) -> None:
        self.distance_m = distance_m
        self.angle_deg = angle_deg
        self._last: dict[str, tuple[int, SensorPose]] = {}

    def is_new(self, camera: str, stamp_ns: int, pose: SensorPose) -> bool:
        """Whether an image is one to remember."""
        if camera not in self._last:
            return True
        last_ns, last = self._last[camera]
        moved = pose.distance_to(last) >= self.distance_m or pose.angle_to(last) >= self.angle_deg
        return moved or is_jump_back(last_ns, stamp_ns)

    def took(self, camera: str, stamp_ns: int, pose: SensorPose) -> None:
        """Note that an image was remembered; one that could not be does not count."""
        self._last[camera] = (stamp_ns, pose)

    def forget(self) -> None:
        """Begin anew, as after everything was forgotten."""
        self._last.clear()
