# SPDX-License-Identifier: Apache-2.0
"""The one thread that owns the model: it takes frames, and nothing that a frame does can end it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from talk2dino_ros.frames import Frame, FrameSlots


class Worker:
    """Take the newest frames and process them, one batch after the other, until stopped.

    process: gets the newest frame of every camera; returns for how many seconds to rest before the next batch.
    on_error: gets what `process` raised; the next batch follows as if nothing had happened.
    """

    def __init__(
        self,
        slots: FrameSlots,
        process: Callable[[list[Frame]], float],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._slots = slots
        self._process = process
        self._on_error = on_error
        self._rest_is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread with empty slots; without effect where it runs."""
        if self._thread is None:
            self._slots.reopen()
            self._thread = threading.Thread(target=self._run, name="segmentation", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Wait for the batch in hand and end the thread; without effect where it does not run."""
        if self._thread is not None:
            self._slots.close()
            self.end_rest()
            self._thread.join()
            self._thread = None

    def end_rest(self) -> None:
        """Take the next frames at once where the worker is resting."""
        self._rest_is_over.set()

    def _run(self) -> None:
        while frames := self._slots.take():
            self._rest_is_over.clear()
            self._rest_is_over.wait(self._rest_after(frames))

    def _rest_after(self, frames: list[Frame]) -> float:
        try:
            return self._process(frames)
        except Exception as error:  # the thread outlives every frame; the handler logs it with its traceback
            self._on_error(error)
            return 0.0
