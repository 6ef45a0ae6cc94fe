# SPDX-License-Identifier: Apache-2.0
"""When masks may go out after a reader has come: once what their ids mean had time to reach it.

Nav2's semantic layer ends its whole process on a mask that comes before label_info. Topics have no order among each
other, and a reader is matched with one after the other; so all of them wait a moment for each reader that comes.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

LABEL_INFO = "label_info"
# A reader that comes in a pause lengthens it, to so many pauses; then one pause's time is free of any. So readers that
# come all the time, such as a tool that subscribes anew each second, do not stop the stream of the others. A reader of
# label_info always has its whole pause: it wants to know what masks mean, as a costmap's layer does.
LONGEST = 2


@dataclass
class _Topic:
    total: int = 0  # readers ever
    current: int = 0
    told: int = 0  # readers ever, by events alone


class NewReaders:
    """Know of each topic's readers, and pause publishing for `pause_s` seconds after each that comes.

    Readers are told of in two ways, and either may be the first: by the publisher's matched events, which miss nobody
    but are told late by a busy executor, and by asking for their number just before something is published, which is
    never late but misses a reader that took the place of another. Any thread may call. Times are seconds of one clock.
    """

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._topics: dict[str, _Topic] = {}
        self._pause = (-math.inf, -math.inf)  # from, to
        self._lock = threading.Lock()

    def on_matched(self, topic: str, total: int, current: int, now_s: float) -> bool:
        """Take an event: readers of the topic ever, and now. Return whether one of them is new.

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
        """Take the number of the topic's readers. Return whether one of them is new."""
        with self._lock:
            known = self._topics.setdefault(topic, _Topic())
            came = max(0, current - known.current)
            self._topics[topic] = _Topic(known.total + came, current, known.told)
            if came:
                self._begin_pause(topic, now_s)
            return came > 0

    def may_publish(self, now_s: float) -> bool:
        """Whether every reader has been there for long enough."""
        with self._lock:
            return now_s >= self._pause[1]

    def _begin_pause(self, topic: str, now_s: float) -> None:
        since_s, until_s = self._pause
        latest_s = since_s + LONGEST * self._pause_s
        is_free = until_s >= latest_s and now_s < until_s + self._pause_s
        if topic == LABEL_INFO:
            self._pause = since_s if now_s < until_s else now_s, now_s + self._pause_s
        elif now_s < until_s:
            self._pause = since_s, max(until_s, min(now_s + self._pause_s, latest_s))
        elif not is_free:
            self._pause = now_s, now_s + self._pause_s
