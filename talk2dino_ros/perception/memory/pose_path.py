# SPDX-License-Identifier: Apache-2.0
"""Poses of a body over time, and between them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from talk2dino_ros.perception.memory.sensor_pose import PoseError, SensorPose, between


class PosePath:
    """Poses by stamp in ns, ascending; raises PoseError for others."""

    def __init__(self, poses: Sequence[tuple[int, SensorPose]]) -> None:
        self._stamps = [stamp_ns for stamp_ns, _ in poses]
        self._poses = [pose for _, pose in poses]
        if any(one >= other for one, other in zip(self._stamps, self._stamps[1:], strict=False)):
            raise PoseError("the stamps of the poses do not ascend, expected each later than the one before; sort them")

    def at(self, stamp_ns: int) -> SensorPose | None:
        """Return the pose at a stamp, between its neighbours; None outside of the path's time."""
        after = bisect_left(self._stamps, stamp_ns)
        if after == len(self._stamps):
            return None
        if self._stamps[after] == stamp_ns:
            return self._poses[after]
        if after == 0:
            return None
        start, end = self._stamps[after - 1], self._stamps[after]
        return between(self._poses[after - 1], self._poses[after], (stamp_ns - start) / (end - start))


def corrected(pose: SensorPose, stamp_ns: int, path: PosePath, before: PosePath | None) -> SensorPose | None:
    """Return where a sensor was by a corrected path; None where the paths do not reach.

    before: the same body's path before the correction, by whose difference the sensor moves; None: the corrected path
    is the sensor's own.
    """
    new = path.at(stamp_ns)
    old = new if before is None else before.at(stamp_ns)
    if new is None or old is None:
        return None
    return new if before is None else new.after(old.inverse()).after(pose)
