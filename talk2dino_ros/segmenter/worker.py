# SPDX-License-Identifier: Apache-2.0
"""Thread that owns the model and processes frames; an exception costs its own batch alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from talk2dino_ros.segmenter.frames import Frame, FrameSlots

STOP_PATIENCE_S = 3.0  # Nav2's lifecycle manager waits 5 s for a transition


class Worker:
    """Take the newest frames and process them, one batch after the other, until stopped.

    process: gets the newest frame of every camera; returns for how many seconds to rest before the next batch.
    on_error: gets those frames and what `process` raised; the next batch follows as if nothing had happened.
    """

    def __init__(
        self,
        slots: FrameSlots,
        process: Callable[[list[Frame]], float],
        on_error: Callable[[list[Frame], Exception], None],
    ) -> None:
        self._slots = slots
        self._process = process
        self._on_error = on_error
        self._rest_is_over = threading.Event()
        self._thread: threading.Thread | None = None
        self._left: threading.Thread | None = None  # stopped before, and not back from its batch
        self._is_left = threading.Event()
        self._own = threading.local()
        self._began_s: float | None = None

    def start(self) -> None:
        """Start the thread with empty slots; without effect where it runs.

        One that `stop` has left comes back first, as the model is used by one thread at a time.
        """
        if self._thread is None:
            self._slots.reopen()
            self._is_left = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(self._is_left, self._left), name="segmentation", daemon=True
            )
            self._thread.start()

    def stop(self, patience_s: float = STOP_PATIENCE_S) -> bool:
        """Wait for the batch in hand and end the thread; without effect where it does not run.

        Returns whether the thread has ended. If it has not in time, it is left to itself: it ends when it comes back.
        """
        if self._thread is not None:
            self._slots.close()
            self.end_rest()
            self._thread.join(patience_s)
            self._is_left.set()
            self._left, self._thread = self._thread, None
        return self._left is None or not self._left.is_alive()

    def end_rest(self) -> None:
        """Take the next frames at once where the worker is resting."""
        self._rest_is_over.set()

    @property
    def has_died(self) -> bool:
        """Whether the thread has ended though nobody stopped it."""
        return self._thread is not None and not self._thread.is_alive()

    @property
    def busy_s(self) -> float:
        """For how many seconds the batch in hand has been processed; 0.0 where there is none."""
        began_s = self._began_s
        return 0.0 if began_s is None else time.monotonic() - began_s

    @property
    def is_left(self) -> bool:
        """Asked by `process`: whether nobody waits any more for what this thread does."""
        is_left = getattr(self._own, "is_left", None)
        return is_left is not None and is_left.is_set()

    def _run(self, is_left: threading.Event, before: threading.Thread | None) -> None:
        self._own.is_left = is_left
        if before is not None:
            before.join()
        while not is_left.is_set() and (frames := self._slots.take()):
            self._rest_is_over.clear()
            rest_s = self._rest_after(frames)
            if not self._slots.is_closed:  # a `stop` before the clear would be slept through
                self._rest_is_over.wait(rest_s)

    def _rest_after(self, frames: list[Frame]) -> float:
        self._began_s = time.monotonic()
        try:
            return self._process(frames)
        except Exception as error:  # the thread outlives every frame; the handler logs it with its traceback
            self._on_error(frames, error)
            return 0.0
        finally:
            self._began_s = None
