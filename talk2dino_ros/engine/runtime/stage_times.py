# SPDX-License-Identifier: Apache-2.0
"""Time the stages of a frame, in seconds, only where someone asks."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

# `graph`: on a GPU with CUDA graphs in the place of the four behind it, which are one launch
STAGES = ("decode", "upload", "graph", "backbone", "score", "refine", "decide", "download", "publish", "points")


class StageTimer:
    """Seconds spent in each stage (see `STAGES`) since it was made; a stage that comes twice adds up.

    synchronize: waits for the device, as a GPU works on after the call that started it has returned; it is
    called around every stage, so that a timed frame on a GPU takes a little longer than an untimed one.
    """

    def __init__(self, synchronize: Callable[[], None] | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self.synchronize = synchronize

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time the `with` block as the stage `name`, also where it raises."""
        self._wait()
        start = time.perf_counter()
        try:
            yield
        finally:
            self._wait()
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def _wait(self) -> None:
        if self.synchronize is not None:
            self.synchronize()


def stage(timer: StageTimer | None, name: str) -> AbstractContextManager[None]:
    """Time a `with` block where there is a timer; without one it costs nothing worth measuring."""
    return timer(name) if timer is not None else nullcontext()
