# SPDX-License-Identifier: Apache-2.0
"""Whether a process's memory grows on and on, as by a leak. Pure.

What is loaded once makes a step, and a leak a slope: memory grows where each quarter of a window lies above the one
before, by its median. A window is looked at over its last 10 minutes, for what would end the process soon, and over
as much as is kept, for what takes days.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from time import gmtime, strftime

from talk2dino_ros.ros.watch.alarm import Alarm, AlarmLevel

PERIOD_S = 15.0
WARM_UP_S = 300.0  # models, their code for each size, and the allocator's arenas come one after the other
SHORTEST_S, LONGEST_S = 600.0, 3600.0
LEAST_BYTES = 32_000_000  # in a window; an allocator that lives well moves by a few
LEAST_SHARE = 1 / 8  # of the window's growth, in each of the three steps between its quarters
SOON_H = 1.0

Sample = tuple[float, int]  # on the steady clock, in seconds, and bytes


class MemoryGrowth:
    """A process's memory over the last hour.

    start_s: on the steady clock; the first WARM_UP_S from then on are not looked at.
    """

    def __init__(self, start_s: float) -> None:
        self._samples: deque[Sample] = deque(maxlen=round(LONGEST_S / PERIOD_S) + 1)
        self._next_s = start_s + WARM_UP_S

    def restart(self, now_s: float) -> None:
        """Forget what was, as something large is loaded or freed."""
        self._samples.clear()
        self._next_s = now_s + WARM_UP_S

    def is_due(self, now_s: float) -> bool:
        """Whether a sample is wanted."""
        return now_s >= self._next_s

    def note(self, now_s: float, used_bytes: int) -> None:
        """Take a sample."""
        self._next_s = now_s + PERIOD_S
        self._samples.append((now_s, used_bytes))

    def alarm(self, wall_s: float, available_bytes: int | None) -> Alarm | None:
        """Return what to say of it. wall_s: the newest sample's Unix time; available_bytes: of the machine."""
        samples = list(self._samples)
        newest_s = samples[-1][0] if samples else 0.0
        for window in (samples, [each for each in samples if newest_s - each[0] <= SHORTEST_S]):
            if rate := bytes_per_hour(window):
                since = strftime("%Y-%m-%d %H:%M UTC", gmtime(wall_s - (newest_s - window[0][0])))
                return _alarm(rate, window, since, available_bytes)
        return None


def bytes_per_hour(window: Sequence[Sample]) -> float:
    """Return the slope of the samples, oldest first; 0.0 where they do not grow all the time, or too little to tell."""
    if len(window) < 8 or window[-1][0] - window[0][0] < SHORTEST_S - PERIOD_S:
        return 0.0
    first_s, span_s = window[0][0], window[-1][0] - window[0][0]
    quarters: list[list[Sample]] = [[], [], [], []]
    for sample in window:
        quarters[min(int(4 * (sample[0] - first_s) / span_s), 3)].append(sample)
    if not all(quarters):  # the process was stopped meanwhile
        return 0.0
    times_s, levels = ([median(sample[of] for sample in quarter) for quarter in quarters] for of in (0, 1))
    growth = levels[3] - levels[0]
    steps = [after - before for before, after in pairwise(levels)]
    slope = growth / (times_s[3] - times_s[0])
    if slope * span_s < LEAST_BYTES or min(steps) < LEAST_SHARE * growth:
        return 0.0
    return slope * 3600


def _alarm(rate: float, window: Sequence[Sample], since: str, available_bytes: int | None) -> Alarm:
    left_h = None if available_bytes is None else available_bytes / rate
    level = AlarmLevel.ERROR if left_h is not None and left_h < SOON_H else AlarmLevel.WARN
    lasts = "" if left_h is None else f", so that the machine's memory lasts for {left_h:.1f} h more"
    return Alarm(
        "memory",
        level,
        f"the process's memory has grown by {rate / 1e6:.0f} MB per hour since {since}, from {window[0][1] / 1e6:.0f} "
        f"to {window[-1][1] / 1e6:.0f} MB, expected no growth{lasts}; restart the node before it ends, and report "
        "this line with what the node was doing",
    )
