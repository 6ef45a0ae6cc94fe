# SPDX-License-Identifier: Apache-2.0
"""A fault with its name, what it does and what has to hold, and the row that trying it gives."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.chaos.stage import Stage

VERDICTS = {True: "yes", False: "**no**", None: "not tried"}
MOST_SHOWN = 400  # characters of an answer in the table


class ChaosError(Exception):
    """What a fault waited for did not come."""


class NotTriedError(Exception):
    """A fault that cannot be made on this machine."""


@dataclass(frozen=True)
class Outcome:
    """What was seen of a fault. lost: what the user is without, "nothing" where that is so."""

    seen: str
    held: bool = True
    lost: str = "nothing"


@dataclass(frozen=True)
class Fault:
    """One fault. may_trace: it is a fault of the program itself, which is logged with a traceback."""

    name: str
    done: str
    expected: str
    inflict: Callable[[Stage], Outcome]
    may_trace: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the table. held: None where the fault could not be tried."""

    fault: str
    done: str
    expected: str
    seen: str
    lost: str
    held: bool | None
    seconds: float


FAULTS: dict[str, Fault] = {}


def fault(
    name: str, *, done: str, expected: str, may_trace: bool = False
) -> Callable[[Callable[[Stage], Outcome]], Callable[[Stage], Outcome]]:
    """Register a function as the fault of this name."""

    def register(inflict: Callable[[Stage], Outcome]) -> Callable[[Stage], Outcome]:
        if name in FAULTS:
            raise ValueError(f"two faults are called {name!r}, expected different names; rename one")
        FAULTS[name] = Fault(name, done, expected, inflict, may_trace)
        return inflict

    return register


def try_fault(tried: Fault, stage: Stage) -> Row:
    """Inflict a fault; what it raises, and what processes complain of meanwhile, is in the row."""
    begin_s = time.monotonic()
    stage.complaints()  # those of before are not this fault's
    try:
        outcome = tried.inflict(stage)
    except NotTriedError as error:
        return Row(tried.name, tried.done, tried.expected, f"not tried: {error}", "not known", None, 0.0)
    except Exception as error:  # a row that says so, and the next fault is tried
        outcome = Outcome(shorten(str(error) or repr(error)), held=False, lost="not known")
    complaints = [each for each in stage.complaints() if not (tried.may_trace and each.is_traceback)]
    seen = "; ".join([outcome.seen, *(each.text for each in complaints)])
    return Row(
        tried.name, tried.done, tried.expected, seen, outcome.lost, outcome.held and not complaints,
        round(time.monotonic() - begin_s, 1),
    )  # fmt: skip


def shorten(text: str) -> str:
    """Return a text on one line that a table has room for, without the colours that Fast DDS writes."""
    line = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split()).replace("|", "\\|")
    return line if len(line) <= MOST_SHOWN else f"{line[: MOST_SHOWN - 1]}…"


def table_lines(rows: list[Row]) -> list[str]:
    """Return the rows as Markdown lines."""
    head = ("fault", "what was done", "what must hold", "seen", "lost", "held", "seconds")
    lines = [f"| {' | '.join(head)} |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = (row.fault, row.done, row.expected, row.seen, row.lost, VERDICTS[row.held])
        lines.append(f"| {' | '.join(cells)} | {row.seconds:g} |")
    return lines
