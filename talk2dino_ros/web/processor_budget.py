# SPDX-License-Identifier: Apache-2.0
"""What a thread may take of the processor, however much there is to do: so many browsers slow each other alone."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.1  # of one core
BURST_S = 0.05  # of processor time that may be saved up
LONGEST_REST_S = 1.0  # after which work goes on in any case


class ProcessorBudget:
    """A thread's account: it is paid a share of the time that passes, and pays its processor time.

    Make it and ask it in the thread whose time it counts.
    """

    def __init__(
        self,
        share: float = SHARE,
        now_s: Callable[[], float] = time.monotonic,
        spent_s: Callable[[], float] = time.thread_time,
    ) -> None:
        self._share = share
        self._clock, self._meter = now_s, spent_s
        self._now_s, self._spent_s = now_s(), spent_s()
        self._balance_s = BURST_S

    def rest_s(self) -> float:
        """Return how long to wait until what was done is paid; 0 where there is something left."""
        now_s, spent_s = self._clock(), self._meter()
        saved_s = min(BURST_S, self._balance_s + self._share * (now_s - self._now_s))
        balance_s = saved_s - (spent_s - self._spent_s)
        self._now_s, self._spent_s = now_s, spent_s
        self._balance_s = max(balance_s, -self._share * LONGEST_REST_S)
        return max(0.0, -self._balance_s / self._share)
