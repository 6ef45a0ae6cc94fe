# SPDX-License-Identifier: Apache-2.0
"""Log problems with frames, throttled."""

from __future__ import annotations

import re
import time
import traceback
from typing import Any

from talk2dino_ros.engine.errors import Talk2DinoError

WARNING_PERIOD_S = 5.0
MOST_KINDS = 100


class Throttle:
    """Throttle of log messages, by kind.

    Two texts that differ in numbers only are of one kind. (rclpy's own throttling goes by the line of code,
    so that one camera's error would hide another's.)
    """

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._allowed_s: dict[str, float] = {}

    def allows(self, text: str, now_s: float) -> bool:
        """Return True for the first text of its kind and then once per period."""
        kind = re.sub(r"\d+", "#", text)
        if now_s - self._allowed_s.get(kind, -self._period_s) < self._period_s:
            return False
        if len(self._allowed_s) >= MOST_KINDS:
            self._allowed_s.clear()
        self._allowed_s[kind] = now_s
        return True


class ProblemLog:
    """Warn of what is wrong with frames, and show the traceback where the program is."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._throttle = Throttle(WARNING_PERIOD_S)

    def report(self, what: str, error: Exception) -> None:
        """Log what has happened ("an image on /image was dropped") and why."""
        if not self._throttle.allows(f"{what} {type(error)} {error}", time.monotonic()):
            return
        if isinstance(error, Talk2DinoError):
            self._logger.warning(f"{what}: {error}")
        else:
            trace = "".join(traceback.format_exception(error))
            self._logger.error(f"{what}, which is a fault of this program\n{trace}")
