# SPDX-License-Identifier: Apache-2.0
"""The log of a node: safe to show, and bounded whatever is logged and however often."""

from __future__ import annotations

import os
import time
from typing import Any

from rclpy.impl import rcutils_logger
from rclpy.impl.logging_severity import LoggingSeverity

from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.engine.text.safe_text import safe_lines, safe_text

PERIOD_S = 10.0
# in a period, of errors, of warnings and of the rest: more than a person reads, and a gigabyte takes days
MOST_CHARACTERS = 50_000
MOST_OF_WARNINGS, MOST_OF_THE_REST = 30_000, 20_000
_LONGEST_TRACE = 10_000

# rclpy tells callers apart, for its throttling and their place in the source, by the first file that is none of these
getattr(rcutils_logger, "_internal_callers", []).append(os.path.realpath(__file__))


class NodeLogger(rcutils_logger.RcutilsLogger):
    """rclpy's logger, whose lines hold no control characters; what is beyond MOST_CHARACTERS is counted and left out.

    Errors, warnings and the rest are counted apart, so that none hides another: a stranger may call what is logged.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._errors, self._warnings, self._rest = Budget(), Budget(MOST_OF_WARNINGS), Budget(MOST_OF_THE_REST)

    def log(self, message: str, severity: Any, *name: str | None, **filters: Any) -> bool:
        """Log as rclpy's logger does, which takes a name since Kilted."""
        if not self.is_enabled_for(severity):
            return False
        is_error = severity >= LoggingSeverity.ERROR
        text = safe_lines(str(message), _LONGEST_TRACE) if is_error else safe_text(str(message))
        budget = self._errors if is_error else self._warnings if severity >= LoggingSeverity.WARN else self._rest
        is_allowed, left_out = budget.takes(len(text), time.monotonic())
        if left_out:
            lines = counted(left_out, "line before this one was", "lines before this one were")
            text = f"{lines} left out of the log, as there were too many; {text}"
        return is_allowed and bool(super().log(text, severity, *name, **filters))


class Budget:
    """Characters that may be spent in each period."""

    def __init__(self, most: int = MOST_CHARACTERS) -> None:
        self._most = most
        self._since_s = -PERIOD_S
        self._spent = 0
        self._left_out = 0

    def takes(self, characters: int, now_s: float) -> tuple[bool, int]:
        """Spend so many; return whether they are there, and if so how many texts were left out since the last one."""
        if now_s - self._since_s >= PERIOD_S:
            self._since_s, self._spent = now_s, 0
        if self._spent + characters > self._most:
            self._left_out += 1
            return False, 0
        self._spent += characters
        left_out, self._left_out = self._left_out, 0
        return True, left_out
