# SPDX-License-Identifier: Apache-2.0
"""Buffer of stamped messages, to match an image with the depth or camera_info of its own stamp.

One thread puts, another matches while an image is segmented, which may take longer than the buffer reaches back.
So the moment in hand is pinned: what lies next to it stays, whatever else comes and goes.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from typing import Generic, TypeVar

from talk2dino_ros.perception.space.clock_jump import is_jump_back

T = TypeVar("T")


class StampedBuffer(Generic[T]):
    """The last `max_count` values by stamp, and for each pin the one at or before and the one after it.

    So memory ends at `max_count` + 2 values per holder of a pin: depth of 640x480 in 16UC1 is 614,400 bytes, which at
    30 Hz, with `max_count` 15 (half a second) and one holder, is 17 values and 10.4 MB; with two holders 11.7 MB.
    Stamps are taken to come in order, as one sensor sends them: a newer one than asked for ends the wait, and one that
    goes back by far is a bag that loops or a clock that was set, and everything before it is forgotten.
    """

    def __init__(self, max_count: int, what: str = "depth image") -> None:
        """Start empty; `what` names a value in the sentences of `why_none`."""
        if max_count < 1:
            raise ValueError(f"max_count is {max_count}, expected at least 1; keep as many as come in half a second")
        self._max_count = max_count
        self._what = what
        self._stamps: list[int] = []  # ascending, each with its value
        self._values: list[T] = []
        self._pins: dict[str, int] = {}
        self._went_back = False
        self._is_closed = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        with self._changed:
            return len(self._stamps)

    def put(self, stamp_ns: int, value: T) -> None:
        """Add a value; it replaces one of the same stamp."""
        with self._changed:
            if self._stamps and is_jump_back(self._stamps[-1], stamp_ns):
                self._forget()
                self._went_back = True
            index = bisect_left(self._stamps, stamp_ns)
            if index < len(self._stamps) and self._stamps[index] == stamp_ns:
                self._values[index] = value
            else:
                self._stamps.insert(index, stamp_ns)
                self._values.insert(index, value)
            self._drop_superfluous()
            self._changed.notify_all()

    def pin(self, stamp_ns: int, holder: str = "segmenting") -> None:
        """Keep the values next to this stamp, present and future, until the same holder pins another.

        An image that waits for its turn beside the one in hand is pinned by another holder.
        """
        with self._changed:
            self._pins[holder] = stamp_ns

    def unpin(self, holder: str) -> None:
        """Keep nothing for this holder any more; without effect where it has pinned nothing."""
        with self._changed:
            self._pins.pop(holder, None)
            self._drop_superfluous()

    def match(self, stamp_ns: int, slop_ns: int, timeout_s: float = 0.0) -> tuple[T, int] | None:
        """Return the value of this stamp, else the nearest one within `slop_ns`, and its stamp less the one asked for.

        Waits on the steady clock, at most `timeout_s`, until a value of this or of a newer stamp is there: then
        nothing better can come. None where none is near enough; `why_none` says why.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closed or (self._stamps and self._stamps[-1] >= stamp_ns), timeout_s
            )
            nearest = self._nearest(stamp_ns)
            if nearest is None or abs(self._stamps[nearest] - stamp_ns) > slop_ns:
                return None
            return self._values[nearest], self._stamps[nearest] - stamp_ns

    def why_none(self, stamp_ns: int, slop_ns: int) -> str:
        """Say in one sentence why `match` found nothing for this stamp."""
        with self._changed:
            nearest = self._nearest(stamp_ns)
            went_back = self._went_back
            offset_ns = None if nearest is None else self._stamps[nearest] - stamp_ns
        expected = f"expected one within {slop_ns / 1e6:.1f} ms"
        if offset_ns is None:
            return f"no {self._what} has come yet, {expected} of the image; start its publisher or check its topic"
        if abs(offset_ns) <= slop_ns:
            return (
                f"the {self._what} {_beside(offset_ns)} came too late, {expected} before the wait's end; wait longer "
                "or publish it sooner"
            )
        since = " since its stamps went back" if went_back else ""
        return (
            f"the nearest {self._what}{since} is {_beside(offset_ns)}, {expected}; publish it more often or with the "
            "image's stamp, or allow a larger difference"
        )

    def clear(self) -> None:
        """Forget all values and pins."""
        with self._changed:
            self._forget()
            self._went_back = False

    def close(self) -> None:
        """Clear, and make waiting end at once until `open`."""
        self.clear()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def open(self) -> None:
        """Allow waiting again."""
        with self._changed:
            self._is_closed = False

    def _forget(self) -> None:
        self._stamps.clear()
        self._values.clear()
        self._pins.clear()

    def _nearest(self, stamp_ns: int) -> int | None:
        """Return the index of the stamp nearest to this one; of two as near the older."""
        after = bisect_left(self._stamps, stamp_ns)
        around = [index for index in (after - 1, after) if 0 <= index < len(self._stamps)]
        return min(around, key=lambda index: abs(self._stamps[index] - stamp_ns), default=None)

    def _drop_superfluous(self) -> None:
        """Keep the newest ones, and of the older ones those next to a pin."""
        first_new = len(self._stamps) - self._max_count
        if first_new <= 0:
            return
        self._went_back = False  # long enough ago not to explain anything
        kept = {index for pin in self._pins.values() for index in self._around(pin) if index < first_new}
        for index in reversed(range(first_new)):
            if index not in kept:
                del self._stamps[index], self._values[index]

    def _around(self, stamp_ns: int) -> tuple[int, int]:
        after = bisect_left(self._stamps, stamp_ns)
        return after - 1, after


def _beside(offset_ns: int) -> str:
    """Return where a stamp lies beside the image's."""
    return f"{abs(offset_ns) / 1e6:.1f} ms {'before' if offset_ns < 0 else 'after'} the image"
