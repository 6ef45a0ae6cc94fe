# SPDX-License-Identifier: Apache-2.0
"""One input: a right result, or an error of the package's family in one safe sentence, in time; else a finding."""

import re
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NoReturn

from talk2dino_ros.engine.errors import Talk2DinoError

LIMIT_S = 10.0  # of processor time for one input, on a busy machine too; what is slow by its size the reader bounds
WAITING_S = 120.0  # on the clock: something is waited for that does not come
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


class NothingKeptError(Talk2DinoError):
    """Raised by subjects whose reader leaves out what is damaged, or makes it anew: a refusal too."""


class TooSlow(BaseException):  # no Exception: readers catch those
    """The time for one input is over."""


def try_input(subject: Subject, given: Any, folder: Path) -> Outcome:
    """Give one input to its reader, in the main thread."""
    begin_s = time.process_time()
    finding, was_refused = "", False
    try:
        with _limited(), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", module=r"PIL\.")  # as picture_reader has it
            subject.read(given, folder)
    except Talk2DinoError as error:
        finding, was_refused = _flaw_of(str(error)), True
    except TooSlow:
        finding = f"it took more than {LIMIT_S:g} s, or waited for {WAITING_S:g} s"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        finding = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {error}"
    return Outcome(finding, was_refused, time.process_time() - begin_s)


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

    timers = ((signal.ITIMER_PROF, signal.SIGPROF, LIMIT_S), (signal.ITIMER_REAL, signal.SIGALRM, WAITING_S))
    before = [signal.signal(number, end) for _, number, _ in timers]
    for timer, _, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
