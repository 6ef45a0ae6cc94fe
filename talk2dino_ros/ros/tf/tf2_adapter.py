# SPDX-License-Identifier: Apache-2.0
"""TF lookups by tf2_ros: its buffer and listener, in the node's executor."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import tf2_ros
from rclpy.duration import Duration
from rclpy.time import Time

from talk2dino_ros.ros.tf.listener import TransformsListener
from talk2dino_ros.ros.tf.lookup import HISTORY_S, Learning, NotKnownError, ahead, behind, not_joined_then
from talk2dino_ros.ros.tf.samples import flaw_of, sample_of
from talk2dino_ros.ros.tf.transforms import Transform
from talk2dino_ros.ros.tf.tree import FrameTree

OLDEST = re.compile(r"(?:earliest data is at|only) time (\d+)\.(\d{1,9})")  # in tf2's cache.cpp


class CheckedBuffer(tf2_ros.Buffer):
    """tf2's buffer, which reports what tf2 would complain of for each message, and keeps the names for the answers."""

    def __init__(self, history_s: float, learning: Learning, report: Callable[[str], None]) -> None:
        super().__init__(cache_time=Duration(nanoseconds=round(history_s * 1e9)))
        self.tree = FrameTree()
        self._learning = learning
        self._report = report

    def set_transform(self, transform: Any, authority: str) -> None:
        """Add a transform of /tf."""
        if self._is_good(transform):
            with self._learning():
                self.tree.make_room(sample_of(transform).child)
                self.tree.add(sample_of(transform), is_static=False)
                super().set_transform(transform, authority)

    def set_transform_static(self, transform: Any, authority: str) -> None:
        """Add a transform of /tf_static."""
        if self._is_good(transform, is_static=True):
            with self._learning():
                self.tree.add(sample_of(transform), is_static=True)
                super().set_transform_static(transform, authority)

    def _is_good(self, transform: Any, *, is_static: bool = False) -> bool:
        sample = sample_of(transform)
        flaw = flaw_of(sample) or (self.tree.no_room(sample.child) if is_static else "")
        if flaw:
            self._report(flaw)
        return not flaw


class Tf2Transforms(TransformsListener):
    """Lookups in tf2's buffer."""

    source = "tf2_ros"

    def __init__(self, node: Any, history_s: float = HISTORY_S) -> None:
        super().__init__(node)
        self._buffer = CheckedBuffer(history_s, self.learning, self.report)
        self._listener = tf2_ros.TransformListener(self._buffer, node, spin_thread=False)

    def clear(self) -> None:
        """Forget what was published on /tf; tf2 keeps what is static too."""
        with self.learning():
            self._buffer.clear()
            self._buffer.tree.forget_moving()

    def destroy(self) -> None:
        """Stop listening."""
        super().destroy()
        self._listener.unregister()

    def find(self, target: str, source: str, stamp_ns: int | None) -> Transform:
        """Return what tf2 knows now."""
        newest_ns = self._newest_common_ns(target, source)
        self._buffer.tree.refuse_circles(newest_ns if stamp_ns is None else stamp_ns, source, target)
        when = Time(nanoseconds=stamp_ns or 0)  # 0 is tf2's word for the newest; a question for 0 itself is refused
        try:
            sample = sample_of(self._buffer.lookup_transform_core(target, source, when))
        except tf2_ros.TransformException as error:
            self._buffer.tree.refuse_strangers(target, source)
            raise self._reason_in_time(newest_ns, stamp_ns, str(error)) from error
        return Transform.from_quaternion(sample.rotation, sample.translation, sample.stamp_ns or None)

    def _newest_common_ns(self, target: str, source: str) -> int | None:
        try:
            return int(self._buffer.get_latest_common_time(target, source).nanoseconds)
        except tf2_ros.TransformException:
            return None

    def _reason_in_time(self, newest_ns: int | None, stamp_ns: int | None, words: str) -> NotKnownError:
        oldest = OLDEST.search(words)
        if newest_ns is None:
            return not_joined_then()
        if stamp_ns is not None and newest_ns < stamp_ns:
            return ahead(stamp_ns, newest_ns)
        if oldest is None:
            return not_joined_then()
        oldest_ns = int(oldest[1]) * 10**9 + int(oldest[2].ljust(9, "0"))
        return behind(newest_ns if stamp_ns is None else stamp_ns, oldest_ns)
