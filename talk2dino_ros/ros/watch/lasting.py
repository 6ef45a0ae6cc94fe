# SPDX-License-Identifier: Apache-2.0
"""A trouble and for how long it has lasted; written by one thread, read by another. Pure."""

from __future__ import annotations


class Lasting:
    """The newest text of a trouble that lasts; another text is the same trouble."""

    def __init__(self) -> None:
        self._now: tuple[str, float] = ("", 0.0)  # text, and since when

    @property
    def text(self) -> str:
        """What the trouble is now; "" where there is none."""
        return self._now[0]

    def note(self, text: str, now_s: float) -> None:
        """Take what is wrong now, "" where nothing is."""
        before, since_s = self._now
        self._now = (text, since_s if before else now_s)

    def seconds(self, now_s: float) -> float:
        """Return for how long it has lasted; 0.0 where there is none."""
        text, since_s = self._now
        return now_s - since_s if text else 0.0
