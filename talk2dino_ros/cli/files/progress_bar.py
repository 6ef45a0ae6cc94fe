# SPDX-License-Identifier: Apache-2.0
"""How far a command is, how fast, and how long it still takes."""

from __future__ import annotations

import os
import sys
import time
from typing import Protocol

from tqdm import tqdm

LINE_S = 10.0  # between two lines where no terminal is


class ProgressBar(Protocol):
    """What a command tells of its work; both write around it, so that lines of results stay whole."""

    def update(self, n: int = 1) -> object:
        """Count more as done."""
        ...

    def write(self, s: str) -> object:
        """Print a line to stdout."""
        ...

    def __enter__(self) -> ProgressBar: ...

    def __exit__(self, *error: object) -> object: ...


def progress_bar(total: int | None, unit: str, desc: str = "") -> ProgressBar:
    """Return a bar on stderr; total: None where nobody knows it, and nothing is shown of one alone.

    A file, and a terminal that does not say how wide it is, get a line every ten seconds.
    """
    if total == 1 or _is_wide_terminal():
        bar: ProgressBar = tqdm(total=total, unit=unit, desc=desc, dynamic_ncols=True, disable=total == 1)
        return bar
    return ProgressLines(total, unit, desc)


def _is_wide_terminal() -> bool:
    return sys.stderr.isatty() and os.get_terminal_size(sys.stderr.fileno()).columns > 0  # tqdm shows nothing at 0


class ProgressLines:
    """Progress as lines for a file or a pipe; the last one at the end."""

    def __init__(self, total: int | None, unit: str, desc: str) -> None:
        self._total, self._unit, self._desc = total, unit, desc
        self._done = 0
        self._start_s = self._shown_s = time.monotonic()

    def update(self, n: int = 1) -> None:
        self._done += n
        if time.monotonic() - self._shown_s >= LINE_S:
            self._show()

    def write(self, s: str) -> None:
        print(s, flush=True)

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(self, *error: object) -> None:
        self._show()

    def _show(self) -> None:
        self._shown_s = time.monotonic()
        elapsed_s = self._shown_s - self._start_s
        line = tqdm.format_meter(self._done, self._total, elapsed_s, 0, self._desc, unit=self._unit)
        print(line, file=sys.stderr, flush=True)
