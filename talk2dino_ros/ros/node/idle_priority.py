# SPDX-License-Identifier: Apache-2.0
"""Map a function over items in threads of idle scheduling priority."""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

PATIENCE_S = 5.0  # for one piece of work
NICENESS = 10  # of work that has waited so long: it takes a share, and still less than others
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def map_at_idle_priority(
    function: Callable[[_Item], _Result], items: Iterable[_Item], patience_s: float = PATIENCE_S
) -> Iterator[_Result]:
    """Do what `map` does in idle time; from the first item that is not done in patience_s on, at a low priority.

    A low priority alone still makes images late; idle time alone may never come. Blocks the calling thread, which
    should be one of its own, as its priority stays low. That first item is done twice: idle time may yet end what was
    begun in it, and the result is dropped. The process waits for that at its end, so each item should be short.
    """
    rest = iter(items)
    pool = ThreadPoolExecutor(1, thread_name_prefix="idle", initializer=_run_when_idle)
    try:
        for item in rest:
            future = pool.submit(function, item)  # one at a time: the process's end waits for all that is submitted
            if not wait([future], patience_s).done:
                _lower_priority()
                yield function(item)
                break
            yield future.result()
    finally:
        pool.shutdown(wait=False)
    yield from map(function, rest)


def _run_when_idle() -> None:
    """Let this thread, and those that its matrix products start, run in idle time; on Linux, where threads can."""
    if sys.platform == "linux":
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))


def _lower_priority() -> None:
    if sys.platform == "linux":  # elsewhere this would be the whole process's
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
