# SPDX-License-Identifier: Apache-2.0
"""TF lookups in recorded transforms; between samples as tf2: straight for the place, slerp for the turn. Pure."""

from __future__ import annotations

import sys
from typing import Any

from talk2dino_ros.perception.memory.sensor_pose import SensorPose, between
from talk2dino_ros.ros.tf.history import History, Step
from talk2dino_ros.ros.tf.lookup import WaitingLookup
from talk2dino_ros.ros.tf.path_lookup import steps_at
from talk2dino_ros.ros.tf.samples import TransformSample, flaw_of, sample_of
from talk2dino_ros.ros.tf.transforms import Transform
from talk2dino_ros.ros.tf.tree import FrameTree


class RecordedTransforms(WaitingLookup):
    """Lookups in all transforms of a recording, or of its last nanoseconds."""

    source = "recording"

    def __init__(self, history_ns: int = sys.maxsize) -> None:
        super().__init__()
        self._tree = FrameTree()
        self._history = History(history_ns)

    def add(self, message: Any, is_static: bool) -> str:
        """Learn a geometry_msgs/TransformStamped; return "" or the sentence that says why it was dropped."""
        sample = sample_of(message)
        flaw = flaw_of(sample) or (self._tree.no_room(sample.child) if is_static else "")
        if not flaw and not is_static and (oldest := self._tree.make_room(sample.child)):
            self._history.forget(oldest)
        flaw = flaw or self._history.put(sample, is_static)
        if not flaw:
            self._tree.add(sample, is_static)
        return flaw

    def clear(self) -> None:
        """Forget what moves."""
        self._history.forget_moving()
        self._tree.forget_moving()

    def find(self, target: str, source: str, stamp_ns: int | None) -> Transform:
        """Return the transform at a stamp; see WaitingLookup."""
        steps, at_ns = steps_at(self._history, self._tree, target, source, stamp_ns)
        pose = pose_along(steps, source, at_ns)
        x, y, z = pose.position
        return Transform.from_quaternion(pose.orientation, (x, y, z), at_ns)


def pose_along(steps: tuple[Step, ...], source: str, stamp_ns: int | None) -> SensorPose:
    """Return the pose of `source` in the frame that the steps from it lead to."""
    pose, frame = SensorPose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)), source
    for step in steps:
        own = _pose_at(step, stamp_ns)
        goes_up = step.child == frame
        pose = (own if goes_up else own.inverse()).after(pose)
        frame = step.parent if goes_up else step.child
    return pose


def _pose_at(step: Step, stamp_ns: int | None) -> SensorPose:
    found = step.link.around(stamp_ns)
    assert found is not None  # the path was made for this stamp
    older, newer = found
    if older is newer or stamp_ns is None:
        return _pose(older)
    return between(_pose(older), _pose(newer), (stamp_ns - older.stamp_ns) / (newer.stamp_ns - older.stamp_ns))


def _pose(sample: TransformSample) -> SensorPose:
    return SensorPose(sample.translation, sample.rotation)
