# SPDX-License-Identifier: Apache-2.0
"""A row of the benchmark's table: what it measures, the target beside it, and what came out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from talk2dino_ros.engine.bench.subject import Subject


@dataclass(frozen=True)
class BenchOutcome:
    """What a row has measured.

    said: for the table. met: whether the target was, None where there is none. figures: for JSON.
    """

    said: str
    met: bool | None = None
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A row of the table: what is measured, where, and by which function.

    device: `cpu` or `cuda`, where it is measured; others list it without a figure. `any`: everywhere.
    """

    name: str
    what: str
    target: str
    device: str
    measure: Callable[[Subject], BenchOutcome]


def milliseconds(seconds: dict[str, float]) -> str:
    """Say a median and its 99th percentile (see measure.py)."""
    return f"{1e3 * seconds['median_s']:.1f} ms (p99 {1e3 * seconds['p99_s']:.1f})"
