# SPDX-License-Identifier: Apache-2.0
"""Rates and latencies for /diagnostics; written by two threads, read by one."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping

WINDOW_S = 5.0
SAMPLES = 1000
# Farther apart, the image's stamp and the node's clock do not run on the same time (a bag, an unset clock).
SANE_LATENCY_S = 60.0
RECENT_S, FEWEST = 10.0, 3  # of the newest masks, by whose median an alarm is raised


class Rate:
    """Events per second over the last few seconds."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._times_s: deque[float] = deque(maxlen=SAMPLES)

    def tick(self, now_s: float) -> None:
        """Count one event."""
        self._times_s.append(now_s)

    def per_second(self, now_s: float) -> float:
        """Return intervals per second among the events in the window; 0.0 for fewer than two."""
        times_s = [time_s for time_s in self._times_s if now_s - time_s <= self._window_s]
        if len(times_s) < 2 or times_s[-1] <= times_s[0]:
            return 0.0
        return (len(times_s) - 1) / (times_s[-1] - times_s[0])


def percentile(values: Iterable[float], share: float) -> float:
    """Return the percentile at `share` (0..1) of the values by nearest rank; NaN for none."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else math.nan


class StageStatistics:
    """Time per stage of the last batches; the cameras in a batch share its time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, deque[float]] = {}

    def add(self, seconds: Mapping[str, float]) -> None:
        """Add one batch's seconds per stage, in processing order."""
        with self._lock:
            for stage, spent_s in seconds.items():
                self._seconds.setdefault(stage, deque(maxlen=SAMPLES)).append(spent_s)

    def clear(self) -> None:
        """Forget everything, as times from before a pause in measuring say nothing of now."""
        with self._lock:
            self._seconds.clear()

    def percentiles_s(self) -> dict[str, tuple[float, float]]:
        """Return median and 99th percentile of each stage, in seconds; empty where nothing was measured."""
        with self._lock:
            return {
                stage: (percentile(spent_s, 0.5), percentile(spent_s, 0.99)) for stage, spent_s in self._seconds.items()
            }


class RecentLatency:
    """Latencies of the masks of the last seconds, and of the newest few where masks are seldom."""

    def __init__(self) -> None:
        self._masks: deque[tuple[float, float, float | None]] = deque(maxlen=SAMPLES)

    def add(self, now_s: float, since_received_s: float, since_stamp_s: float | None) -> None:
        """Add a mask's; since_stamp_s: None where the stamp does not run with the node's clock."""
        self._masks.append((now_s, since_received_s, since_stamp_s))

    def clear(self) -> None:
        """Forget everything."""
        self._masks.clear()

    def medians_s(self, now_s: float) -> tuple[float, float | None]:
        """Return the medians since reception, NaN for too few masks, and since the stamps, None where these differ."""
        masks = list(self._masks)
        recent = [each for each in masks if now_s - each[0] <= RECENT_S]
        if len(recent) < FEWEST:
            recent = [each for each in masks[-FEWEST:] if now_s - each[0] <= SANE_LATENCY_S]
        if len(recent) < FEWEST:
            return math.nan, None
        ages_s = [age_s for _, _, age_s in recent if age_s is not None]
        is_sane = len(ages_s) == len(recent)
        return percentile((each[1] for each in recent), 0.5), percentile(ages_s, 0.5) if is_sane else None


class CameraStatistics:
    """Counters, rates and latencies of one camera since the node was configured."""

    def __init__(self, start_s: float) -> None:
        self._lock = threading.Lock()
        self._in, self._out = Rate(), Rate()
        self._latencies_s: deque[float] = deque(maxlen=SAMPLES)
        self.latency_from = "image stamp"
        self.last_received_s = start_s
        self.received = 0
        self.lost = 0  # on their way, as the middleware counts
        self.published = 0
        self.wrong = 0
        self.last_error = ""
        self.is_failing = False  # the newest frame that was tried brought no mask
        self.held_back = 0  # masks that nobody got, for a new reader
        self._held_back_s: tuple[float, float] | None = None  # the first and the newest in a row
        self._recent = RecentLatency()

    def on_received(self, now_s: float) -> None:
        """Count a received image."""
        with self._lock:
            self._in.tick(now_s)
            self.last_received_s = now_s
            self.received += 1

    def on_lost(self, count: int) -> None:
        """Count images that were sent and never received."""
        with self._lock:
            self.lost += count

    def on_published(self, now_s: float, since_stamp_s: float, since_received_s: float) -> None:
        """Count a published mask, and add its age since the image's stamp and since the image's reception."""
        is_sane = 0.0 <= since_stamp_s <= SANE_LATENCY_S
        with self._lock:
            self._out.tick(now_s)
            self.published += 1
            self.is_failing = False
            self._held_back_s = None
            self._recent.add(now_s, since_received_s, since_stamp_s if is_sane else None)
            self._add_latency(*(("image stamp", since_stamp_s) if is_sane else ("reception", since_received_s)))

    def on_held_back(self, now_s: float) -> None:
        """Count a mask that was not published, as a reader is too new."""
        with self._lock:
            self.held_back += 1
            self.is_failing = False
            self._held_back_s = (self._held_back_s or (now_s, now_s))[0], now_s

    @property
    def held_back_s(self) -> float:
        """For how long every mask has been held back."""
        with self._lock:
            return 0.0 if self._held_back_s is None else self._held_back_s[1] - self._held_back_s[0]

    def recent_latencies_s(self, now_s: float) -> tuple[float, float | None]:
        """Return the median latency of the last seconds' masks as `RecentLatency.medians_s` does."""
        with self._lock:
            return self._recent.medians_s(now_s)

    def forget_recent_latencies(self) -> None:
        """Begin anew, as after a pause."""
        with self._lock:
            self._recent.clear()

    def on_wrong(self, error: str) -> None:
        """Count an image without a mask, and keep the reason."""
        with self._lock:
            self.wrong += 1
            self.last_error = error
            self.is_failing = True

    def rates(self, now_s: float) -> tuple[float, float]:
        """Return images in and masks out per second."""
        with self._lock:
            return self._in.per_second(now_s), self._out.per_second(now_s)

    def latencies_s(self) -> tuple[float, float]:
        """Return median and 99th percentile of the last masks' latency, in seconds; NaN before the first."""
        with self._lock:
            return percentile(self._latencies_s, 0.5), percentile(self._latencies_s, 0.99)

    def _add_latency(self, measured_from: str, latency_s: float) -> None:
        if measured_from != self.latency_from:  # the two kinds do not mix in one percentile
            self._latencies_s.clear()
            self.latency_from = measured_from
        self._latencies_s.append(latency_s)
