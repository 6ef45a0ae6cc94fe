# SPDX-License-Identifier: Apache-2.0
"""From the nodes' /diagnostics to findings in plain words, and to a camera's numbers. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level

LEVELS = (Level.OK, Level.NOTE, Level.WRONG, Level.WRONG)  # of DiagnosticStatus: OK, WARN, ERROR, STALE


def values_of(status: Any) -> dict[str, str]:
    """Return a status's values by their keys."""
    return {each.key: each.value for each in status.values}


def level_of(status: Any) -> Level:
    """Return how good it is; the message has the number as one byte."""
    number = status.level[0] if isinstance(status.level, bytes) else int(status.level)
    return LEVELS[min(number, len(LEVELS) - 1)]


def findings(statuses: Iterable[Any]) -> tuple[HealthFinding, ...]:
    """Return a finding for each status, and one for each alarm of those that have any; the worst first."""
    found = [finding for status in statuses for finding in _findings_of(status)]
    order = (Level.WRONG, Level.NOTE, Level.OK)
    return tuple(sorted(found, key=lambda each: order.index(each.level)))


def _findings_of(status: Any) -> list[HealthFinding]:
    alarms = {key: text for key, text in values_of(status).items() if key.startswith("alarm: ")}
    if not alarms:
        return [HealthFinding(status.name, status.message, level_of(status))]
    found = []
    for key, text in alarms.items():
        level, _, sentence = text.partition(": ")
        said, _, remedy = sentence.partition("; ")
        name = f"{status.name}, {key.removeprefix('alarm: ')}"
        found.append(HealthFinding(name, said, Level.WRONG if level == "ERROR" else Level.NOTE, remedy))
    return found


def number(values: Mapping[str, str], key: str) -> float | None:
    """Return a value that is a finite number, or None."""
    try:
        value = float(values.get(key, ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
