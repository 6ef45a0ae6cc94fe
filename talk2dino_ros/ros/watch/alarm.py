# SPDX-License-Identifier: Apache-2.0
"""Alarm: what one watchdog has to say, and how several of them make one status. Pure.

A watchdog is a function from facts to an alarm, or to None where all is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum


class AlarmLevel(IntEnum):
    """How bad it is, in the numbers of diagnostic_msgs/DiagnosticStatus; its STALE is for aggregators to say."""

    WARN = 1  # what the robot gets is late, or lacks something
    ERROR = 2  # it gets nothing


@dataclass(frozen=True)
class Alarm:
    """One watchdog's alarm. watchdog: its name, a few words; text: a sentence with value, expectation and remedy."""

    watchdog: str
    level: AlarmLevel
    text: str


def raised(*alarms: Alarm | None) -> tuple[Alarm, ...]:
    """Return the alarms there are, the worst first and equally bad ones in the order given."""
    there = [alarm for alarm in alarms if alarm is not None]
    return tuple(sorted(there, key=lambda alarm: -alarm.level))


def summary(alarms: Sequence[Alarm], otherwise: str) -> tuple[int, str]:
    """Return level and message of a status with these alarms, as `raised` sorts them; `otherwise` where all is well."""
    if not alarms:
        return 0, otherwise
    first, *others = alarms
    also = f" (also: {', '.join(alarm.watchdog for alarm in others)})" if others else ""
    return first.level, f"{first.text}{also}"


def alarm_values(alarms: Iterable[Alarm]) -> dict[str, str]:
    """Return each alarm as a value of its status: "alarm: latency" -> "WARN: …"."""
    return {f"alarm: {alarm.watchdog}": f"{alarm.level.name}: {alarm.text}" for alarm in alarms}
