# SPDX-License-Identifier: Apache-2.0
"""One input: a right result, or an error of the package's family in one safe sentence, in time; else a finding."""

import re
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NoReturn

from talk2dino_ros.engine.errors import Talk2DinoError

LIMIT_S = 10.0  # for one input; what is slow by its size is bounded by the reader
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Subject:
    """What is tried: make an input, give it to its reader. folder: an empty one, for what lies in files."""

    name: str
    make: Callable[[Random], Any]
    read: Callable[[Any, Path], object]


@dataclass(frozen=True)
class Outcome:
    """finding: what was wrong, "" for nothing. was_refused: the reader answered with an error of the family."""

    finding: str
    was_refused: bool
    seconds: float


class TooSlow(BaseException):  # no Exception: readers catch those
    """The time for one input is over."""


def try_input(subject: Subject, given: Any, folder: Path) -> Outcome:
    """Give one input to its reader, in the main thread."""
    begin_s = time.monotonic()
    finding, was_refused = "", False
    try:
        with _limited():
            subject.read(given, folder)
    except Talk2DinoError as error:
        finding, was_refused = _flaw_of(str(error)), True
    except TooSlow:
        finding = f"it took more than {LIMIT_S:g} s"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        finding = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {error}"
    return Outcome(finding, was_refused, time.monotonic() - begin_s)


def _flaw_of(sentence: str) -> str:
    if not sentence:
        return "the error says nothing"
    if found := _UNSAFE.search(sentence):
        return f"the error holds {found[0]!r}"
    return "" if len(sentence) <= 4000 else f"the error has {len(sentence)} characters"


@contextmanager
def _limited() -> Iterator[None]:
    def end(_number: int, _frame: object) -> NoReturn:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
