# SPDX-License-Identifier: Apache-2.0
"""Whether a server has gone, so that no answer will come any more."""

from __future__ import annotations

import time
from collections.abc import Callable

LAST_ANSWER_S = 0.5  # an answer and the news of its server's end come by different ways, the answer maybe later


class Departure:
    """Watches one server while an answer is waited for.

    is_there: whether the server is there now. One that has gone and come back does not know of the request.
    """

    def __init__(self, is_there: Callable[[], bool]) -> None:
        self._is_there = is_there
        self._since_s: float | None = None

    def is_certain(self) -> bool:
        """Return whether the server has gone, and so long ago that its last answer would have come."""
        if self._since_s is None and not self._is_there():
            self._since_s = time.monotonic()
        return self._since_s is not None and time.monotonic() - self._since_s >= LAST_ANSWER_S
