# SPDX-License-Identifier: Apache-2.0
"""Shut a node's process down soon after Ctrl-C or SIGTERM, whatever its threads are doing."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

PATIENCE_S = 0.4  # for the main thread to come back from a callback
LIMIT_S = 1.5  # for everything


def _nothing() -> None: ...


class ShutdownHandler:
    """Handler of the shutdown signals, which ends the process.

    A thread takes the signals. Python's own handler would raise KeyboardInterrupt wherever the main thread is, in a
    destructor or in the middle of an import too, and only once the library that it is in returns.

    wake: called once the end is asked for, so that the main thread looks at `is_asked`; None while it does not look,
    such as while a model loads.
    before_exit: called before the process ends, by whichever thread ends it.
    """

    def __init__(self, name: str) -> None:
        self.is_asked = False
        self.wake: Callable[[], object] | None = None
        self.before_exit: Callable[[], object] = _nothing
        self._name = name
        self._begun = threading.Lock()
        self._has_begun = threading.Event()
        self._signals, signals_in = os.pipe()
        os.set_blocking(signals_in, False)
        signal.set_wakeup_fd(signals_in, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: None)  # the interpreter writes to the pipe by itself
        threading.Thread(target=self._watch, name="shutdown", daemon=True).start()

    def end(self, code: int) -> NoReturn:
        """Leave ROS and end the process: with 0 where a signal asked for it, else with the code.

        It ends without Python's finalization, which looks through every object once more and takes torch apart: on a
        busy machine seconds, for memory that the system takes back anyway. What other processes notice, the end of the
        node on the network and the last lines of its log, has been seen to in `before_exit`.
        """
        if not self._begun.acquire(blocking=False):
            threading.Event().wait()  # another thread is at it
        self._has_begun.set()
        try:
            self.before_exit()
        except Exception as error:
            self._say(f"the shutdown failed ({error!r}); others may see the node a little longer")
        self._exit(code)

    def _watch(self) -> None:
        os.read(self._signals, 1)
        self.is_asked = True
        threading.Thread(target=self._end_at_the_limit, name="end at the limit", daemon=True).start()
        if self.wake is not None:
            self.wake()
            self._has_begun.wait(PATIENCE_S)
        if not self._has_begun.is_set():
            self.end(0)

    def _end_at_the_limit(self) -> None:
        time.sleep(LIMIT_S)
        self._say("the shutdown timed out, as something hangs; others see the node a little longer")
        self._exit(0)

    def _say(self, sentence: str) -> None:
        print(f"{self._name}: {sentence}", file=sys.stderr, flush=True)

    def _exit(self, code: int) -> NoReturn:
        with suppress(OSError, ValueError):  # nobody reads any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0 if self.is_asked else code)
