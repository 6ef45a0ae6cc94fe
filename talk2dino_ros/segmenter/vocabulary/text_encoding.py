# SPDX-License-Identifier: Apache-2.0
"""Encode words in a thread, one request after the other, while images go first."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from talk2dino_ros.ros.node.background import in_thread
from talk2dino_ros.ros.node.idle_priority import map_at_idle_priority
from talk2dino_ros.ros.requests.request_queue import RequestQueue

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.task import Future

    from talk2dino_ros.engine import Segmenter, Vocabulary


class TextEncoding:
    """The text encoder as the services share it; requests: whoever encodes holds it."""

    def __init__(self, node: Node) -> None:
        self.requests = RequestQueue(node)
        self._node = node
        self._thread: threading.Thread | None = None

    def encode(self, segmenter: Segmenter, classes: Sequence[str], known: Sequence[Vocabulary]) -> Future:
        """Encode classes in a thread; the future gets their vocabulary. known: has vectors that stay as they are."""

        def encode() -> Vocabulary:
            return segmenter.encode_vocabulary(classes, known, map_at_idle_priority)

        future, self._thread = in_thread(self._node, encode, "text encoding")
        return future

    def join(self, timeout_s: float) -> None:
        """Wait for the thread, which has to end before the interpreter does."""
        if self._thread is not None:
            self._thread.join(timeout_s)
