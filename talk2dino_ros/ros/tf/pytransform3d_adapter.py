# SPDX-License-Identifier: Apache-2.0
"""TF lookups by pytransform3d, for machines without tf2."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pytransform3d.rotations import quaternion_slerp
from pytransform3d.transform_manager import TemporalTransformManager, TimeVaryingTransform
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from talk2dino_ros.ros.tf.history import History, Link, Step
from talk2dino_ros.ros.tf.listener import TransformsListener
from talk2dino_ros.ros.tf.lookup import HISTORY_S
from talk2dino_ros.ros.tf.path_lookup import steps_at
from talk2dino_ros.ros.tf.samples import TransformSample, flaw_of, sample_of
from talk2dino_ros.ros.tf.transforms import Floats, Transform
from talk2dino_ros.ros.tf.tree import FrameTree

QUEUE = 100  # messages, as tf2_ros
MOST_GRAPHS = 16  # kept; a node asks for a few pairs of frames


class LinkInTime(TimeVaryingTransform):
    """A link as pytransform3d wants it, between samples as tf2 does: straight for the place, slerp for the turn.

    pytransform3d's own series moves along screws, so a robot would get other positions here than with tf2.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def as_matrix(self, query_time: Any) -> Floats:
        """Return the transform [4, 4] from the frame to its parent."""
        found = self._link.around(query_time)
        assert found is not None  # the path was made for this stamp
        return matrix_between(*found, query_time)

    def check_transforms(self) -> LinkInTime:
        """Return itself: samples were checked when they came."""
        return self


def matrix_between(older: TransformSample, newer: TransformSample, stamp_ns: int) -> Floats:
    """Return the transform [4, 4] at a stamp between two samples of one frame."""
    translation, rotation = np.array(older.translation), older.rotation
    if newer is not older:
        share = (stamp_ns - older.stamp_ns) / (newer.stamp_ns - older.stamp_ns)
        translation += share * (np.array(newer.translation) - translation)
        w, x, y, z = quaternion_slerp(wxyz(older.rotation), wxyz(newer.rotation), share, shortest_path=True)
        rotation = (x, y, z, w)
    matrix = np.eye(4)
    matrix[:3, :3] = Transform.from_quaternion(rotation, (0.0, 0.0, 0.0)).rotation
    matrix[:3, 3] = translation
    return matrix


def wxyz(rotation: tuple[float, float, float, float]) -> Floats:
    """Return the unit quaternion in pytransform3d's order."""
    x, y, z, w = rotation
    return np.array([w, x, y, z]) / math.hypot(*rotation)


def graph_of(steps: tuple[Step, ...]) -> TemporalTransformManager:
    """Return the steps as pytransform3d's graph; its links read the samples of the moment that is asked for."""
    graph = TemporalTransformManager(check=False)
    for step in steps:
        graph.add_transform(step.child, step.parent, LinkInTime(step.link))
    return graph


class Pytransform3dTransforms(TransformsListener):
    """Lookups in the transforms that this process received on /tf and /tf_static."""

    source = "pytransform3d"

    def __init__(self, node: Any, history_s: float = HISTORY_S) -> None:
        super().__init__(node)
        self._tree = FrameTree()
        self._history = History(round(history_s * 1e9))
        self._graphs: dict[tuple[Step, ...], TemporalTransformManager] = {}
        group = ReentrantCallbackGroup()  # a callback of the node that waits must not keep TF out
        latched = QoSProfile(depth=QUEUE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._subscriptions = [
            node.create_subscription(TFMessage, "/tf", self.on_tf, QoSProfile(depth=QUEUE), callback_group=group),
            node.create_subscription(TFMessage, "/tf_static", self.on_tf_static, latched, callback_group=group),
        ]

    def on_tf(self, message: TFMessage) -> None:
        """Add the transforms of a /tf message."""
        self._take(message, is_static=False)

    def on_tf_static(self, message: TFMessage) -> None:
        """Add the transforms of a /tf_static message."""
        self._take(message, is_static=True)

    def _take(self, message: TFMessage, is_static: bool) -> None:
        for sample in map(sample_of, message.transforms):
            if flaw := flaw_of(sample) or self._learn(sample, is_static):
                self.report(flaw)

    def _learn(self, sample: TransformSample, is_static: bool) -> str:
        with self.learning():
            flaw = self._history.put(sample, is_static)
            if not flaw:
                self._tree.add(sample, is_static)
        return flaw

    def clear(self) -> None:
        """Forget what was published on /tf."""
        with self.learning():
            self._history.forget_moving()
            self._tree.forget_moving()
            self._graphs.clear()

    def destroy(self) -> None:
        """Stop listening."""
        super().destroy()
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def find(self, target: str, source: str, stamp_ns: int | None) -> Transform:
        """Return what is known now."""
        steps, at_ns = steps_at(self._history, self._tree, target, source, stamp_ns)
        matrix = self._graph(steps).get_transform_at_time(source, target, at_ns or 0)
        return Transform(matrix[:3, :3], matrix[:3, 3], at_ns)

    def _graph(self, steps: tuple[Step, ...]) -> TemporalTransformManager:
        """Return the graph of these steps; making one takes longer than asking it."""
        if steps not in self._graphs:
            if len(self._graphs) >= MOST_GRAPHS:
                self._graphs.clear()
            self._graphs[steps] = graph_of(steps)
        return self._graphs[steps]
