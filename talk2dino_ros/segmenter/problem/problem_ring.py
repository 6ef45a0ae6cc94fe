# SPDX-License-Identifier: Apache-2.0
"""The inputs of the last seconds, bounded in seconds and in bytes. Pure.

Messages are kept as they came, by reference: nothing is copied, and what is kept costs what the middleware had
allocated for it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talk2dino_ros.segmenter.pipeline import ActiveConfiguration

MOST_STATIC = 1000  # messages of transforms that never change; they are outside of the seconds


@dataclass(frozen=True, eq=False)
class KeptMessage:
    """A message of a topic. message: of ROS, or its bytes. at_s: time.monotonic() when it came.

    active: of an image, what it was segmented with.
    """

    topic: str
    message_type: str
    message: Any
    at_s: float
    size: int
    active: ActiveConfiguration | None = None


class ProblemRing:
    """Keep the newest messages. seconds, max_bytes: how many at most; what is one too many goes, the oldest first."""

    def __init__(self, seconds: float, max_bytes: int, now_s: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._now_s = now_s
        self._kept: deque[KeptMessage] = deque()
        self._static: deque[KeptMessage] = deque(maxlen=MOST_STATIC)
        self._ids: set[int] = set()  # of the messages that are kept, which no others can have
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def kept_bytes(self) -> int:
        """The size of all that is kept, but for what is static."""
        with self._lock:
            return self._bytes

    def put(self, kept: KeptMessage) -> None:
        """Keep a message; one that is kept already, as a depth image near two images is, counts once."""
        with self._lock:
            self._drop()
            if id(kept.message) in self._ids:
                return
            self._ids.add(id(kept.message))
            self._kept.append(kept)
            self._bytes += kept.size
            self._drop()

    def put_static(self, kept: KeptMessage) -> None:
        """Keep a message that holds from now on."""
        with self._lock:
            self._static.append(kept)

    def messages(self) -> list[KeptMessage]:
        """Return what is kept, in the order of reception, the static ones first."""
        with self._lock:
            self._drop()
            return [*self._static, *sorted(self._kept, key=lambda each: each.at_s)]

    def _drop(self) -> None:
        end_s = self._now_s() - self._seconds
        while self._kept and (self._bytes > self._max_bytes or self._kept[0].at_s < end_s):
            dropped = self._kept.popleft()
            self._ids.discard(id(dropped.message))
            self._bytes -= dropped.size
