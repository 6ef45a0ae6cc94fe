# SPDX-License-Identifier: Apache-2.0
"""Log problems with frames, throttled."""

from __future__ import annotations

import re
import time
import traceback
from typing import Any

from talk2dino_ros.engine.errors import Talk2DinoError

WARNING_PERIOD_S = 5.0
MOST_CAUSES = 100
MOST_TEXTS = 3  # of one cause, in a period: an encoding that is another one in each image is one cause


class Throttle:
    """Throttle of log messages, by cause and, of each cause, by kind.

    Two texts that differ in numbers only are of one kind. (rclpy's own throttling goes by the line of code,
    so that one camera's error would hide another's.)
    """

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._allowed_s: dict[str, dict[str, float]] = {}  # of each cause, by kind

    def allows(self, text: str, now_s: float, cause: str = "") -> bool:
        """Return True for the first text of its kind and then once per period, for at most MOST_TEXTS of a cause.

        cause: what does not depend on what a sender wrote.
        """
        for known in [known for known, kinds in self._allowed_s.items() if not self._recent(kinds, now_s)]:
            del self._allowed_s[known]
        kind = re.sub(r"\d+", "#", text)
        kinds = self._recent(self._allowed_s.get(cause, {}), now_s)
        if kind in kinds or len(kinds) >= MOST_TEXTS or len(self._allowed_s.keys() - {cause}) >= MOST_CAUSES:
            return False
        self._allowed_s[cause] = {**kinds, kind: now_s}
        return True

    def _recent(self, kinds: dict[str, float], now_s: float) -> dict[str, float]:
        return {kind: time_s for kind, time_s in kinds.items() if now_s - time_s < self._period_s}


class ProblemLog:
    """Warn of what is wrong with frames, and show the traceback where the program is."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._throttle = Throttle(WARNING_PERIOD_S)

    def report(self, what: str, error: Exception) -> None:
        """Log what has happened ("an image on /image was dropped") and why."""
        if not self._throttle.allows(str(error), time.monotonic(), cause=f"{what} {type(error)} {_place(error)}"):
            return
        if isinstance(error, Talk2DinoError):
            self._logger.warning(f"{what}: {error}")
        else:
            trace = "".join(traceback.format_exception(error))
            self._logger.error(f"{what}, which is a bug in this program\n{trace}")


def _place(error: Exception) -> str:
    """Return file and line where an error was raised; "" where it was not."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f"{frames[0].filename}:{frames[0].lineno}" if frames else ""
