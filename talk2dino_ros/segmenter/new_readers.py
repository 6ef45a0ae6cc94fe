# SPDX-License-Identifier: Apache-2.0
"""Pause mask publishing for new subscribers (readers), until label_info has had time to reach them.

Nav2's semantic layer ends its whole process on a mask that comes before label_info. Topics have no order among each
other, and a reader is matched with one after the other; so all of them wait a moment for each reader that comes. A
reader that is known here may not know this node yet, and misses what it is sent; so they wait for its acknowledgement.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

LABEL_INFO = "label_info"
# A reader that comes in a pause lengthens it, to so many pauses; then one pause's time is free of any. So readers that
# come all the time, such as a tool that subscribes anew each second, do not stop the stream of the others. A reader of
# label_info always has its whole pause: it wants to know what masks mean, as a costmap's layer does. It has so many to
# acknowledge label_info: one whose process was killed never does, and is a reader still, for 20 s with Fast DDS.
LONGEST = 2


@dataclass
class _Topic:
    total: int = 0  # readers ever
    current: int = 0
    told: int = 0  # readers ever, by events alone


class PublishStep(NamedTuple):
    """Decision for one message that is ready to publish."""

    tells: bool  # publish label_info once more, first
    publishes: bool


class NewReaders:
    """Track the subscribers of each topic, and pause publishing for `pause_s` seconds after each new one.

    Readers are told of in two ways, and either may be the first: by the publisher's matched events, which miss nobody
    but are told late by a busy executor, and by asking for their number just before something is published, which is
    never late but misses a reader that took the place of another. Any thread may call. Times are seconds of one clock.
    """

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._topics: dict[str, _Topic] = {}
        self._pause = (-math.inf, -math.inf)  # from, to
        self._heard_by_s: float | None = None  # when the newest reader of label_info has heard it, or never does
        self._has_told_again = False
        self._lock = threading.Lock()

    def on_matched(self, topic: str, total: int, current: int, now_s: float) -> bool:
        """Handle a matched event: total and current subscribers of the topic. Return whether one is new.

        A number that was asked for while readers came and went may have counted one too many, and the event of the next
        would be no news. Of label_info every event is: a layer that is missed is a costmap that dies.
        """
        with self._lock:
            known = self._topics.setdefault(topic, _Topic())
            is_new = total > (known.told if topic == LABEL_INFO else known.total)
            self._topics[topic] = _Topic(total, current, total)
            if is_new:
                self._begin_pause(topic, now_s)
            return is_new

    def on_count(self, topic: str, current: int, now_s: float) -> bool:
        """Handle the current number of subscribers of the topic. Return whether one is new."""
        with self._lock:
            known = self._topics.setdefault(topic, _Topic())
            came = max(0, current - known.current)
            self._topics[topic] = _Topic(known.total + came, current, known.told)
            if came:
                self._begin_pause(topic, now_s)
            return came > 0

    def turn(self, now_s: float, is_heard: Callable[[], bool]) -> PublishStep:
        """Decide whether to publish now; `is_heard`: whether all have acknowledged label_info.

        To those of label_info that have not by then it is told again, and once more right before the first message that
        goes out all the same: what comes after it on the same way does not come before it.
        """
        with self._lock:
            if now_s < self._pause[1]:
                return PublishStep(tells=False, publishes=False)
            if self._heard_by_s is None or is_heard():
                self._heard_by_s = None
                return PublishStep(tells=False, publishes=True)
            is_last = now_s >= self._heard_by_s
            turn = PublishStep(tells=is_last or not self._has_told_again, publishes=is_last)
            self._has_told_again = True
            if is_last:
                self._heard_by_s = None
            return turn

    def _begin_pause(self, topic: str, now_s: float) -> None:
        since_s, until_s = self._pause
        latest_s = since_s + LONGEST * self._pause_s
        is_free = until_s >= latest_s and now_s < until_s + self._pause_s
        if topic == LABEL_INFO:
            self._pause = since_s if now_s < until_s else now_s, now_s + self._pause_s
            self._heard_by_s = now_s + LONGEST * self._pause_s if self._pause_s > 0 else None
            self._has_told_again = False
        elif now_s < until_s:
            self._pause = since_s, max(until_s, min(now_s + self._pause_s, latest_s))
        elif not is_free:
            self._pause = now_s, now_s + self._pause_s
