# SPDX-License-Identifier: Apache-2.0
"""Which images can be remembered: those of which it is known where they were taken."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.space.clock_jump import is_jump_back

MAX_SPEED_MPS = 3.0  # of a camera, unless it is set
OUTDATED_S = 5.0  # a pose older than this beside the image says nothing: localisation nodes publish as the robot moves


class RejectedImageError(Talk2DinoError):
    """An image that is not remembered. reason: a few words, by which such images are counted."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class ImageGate:
    """Check where images were taken; count the rejected ones by reason.

    max_position_std_m: of the localisation, along its worst axis. max_speed_mps: of a camera; one that is faster was
    put elsewhere by its localisation. rejected: how many images, by reason.
    """

    def __init__(self, max_position_std_m: float, max_speed_mps: float) -> None:
        self.max_position_std_m = max_position_std_m
        self.max_speed_mps = max_speed_mps
        self.rejected: Counter[str] = Counter()
        self._std_m: float | None = None
        self._std_ns = 0
        self._last: dict[str, tuple[int, SensorPose]] = {}

    def reject(self, error: RejectedImageError) -> None:
        """Count a rejected image."""
        self.rejected[error.reason] += 1

    def set_covariance(self, stamp_ns: int, covariance: list[float]) -> None:
        """Take the localisation's covariance, 36 values row-major as geometry_msgs has them, of x, y, z first."""
        position = np.reshape(covariance, (6, 6))[:3, :3]
        good = np.isfinite(position).all()
        self._std_m = math.sqrt(max(0.0, float(np.linalg.eigvalsh(position)[-1]))) if good else math.inf
        self._std_ns = stamp_ns

    def check_localisation(self, stamp_ns: int) -> None:
        """Raise RejectedImageError where the localisation is not sure of the robot's place, or was silent."""
        if self._std_m is None or abs(stamp_ns - self._std_ns) > OUTDATED_S * 1e9:
            raise RejectedImageError(
                "no localisation",
                f"no pose with covariance within {OUTDATED_S:g} s of the image, expected the localisation's; start it, "
                "or leave the parameter pose_topic empty",
            )
        if self._std_m > self.max_position_std_m:
            raise RejectedImageError(
                "localisation uncertain",
                f"the position is uncertain by {self._std_m:.2f} m, expected at most {self.max_position_std_m:g} "
                "(max_position_std_m); images are remembered again once the robot knows where it is",
            )

    def check_motion(self, camera: str, stamp_ns: int, pose: SensorPose) -> None:
        """Raise RejectedImageError for the first image after the localisation has put a camera elsewhere."""
        last = self._last.get(camera)
        self._last[camera] = (stamp_ns, pose)
        if last is None or is_jump_back(last[0], stamp_ns):
            return
        seconds, metres = abs(stamp_ns - last[0]) / 1e9, pose.distance_to(last[1])
        if metres > self.max_speed_mps * max(seconds, 0.1):
            raise RejectedImageError(
                "localisation jumped",
                f"the camera moved {metres:.2f} m in {seconds:.2f} s, expected at most {self.max_speed_mps:g} m/s "
                "(max_speed_mps); the image is left out, as its localisation has just jumped",
            )
