# SPDX-License-Identifier: Apache-2.0
"""Map a function over items in threads of idle scheduling priority, which rises where no idle time comes."""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

PATIENCE_S = 5.0  # for one item, at each priority
NICENESS = 10  # above the process's, of work that has waited so long: it takes a share, and less than others
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def map_at_idle_priority(
    function: Callable[[_Item], _Result], items: Iterable[_Item], patience_s: float = PATIENCE_S
) -> Iterator[_Result]:
    """Do what `map` does in idle time; from an item that is not done in patience_s on, at a low, then at any priority.

    A low priority alone still makes images late; idle time alone may never come, and where all processors are busy a
    low priority is a matter of minutes. An item that patience ended for is done again at the next priority: what was
    begun may yet end, and its result is dropped. The process waits for that at its end, so each item should be short.
    """
    rest = deque(items)
    for lower_priority in (_run_when_idle, _run_at_low_priority):
        yield from _map_in_a_thread(function, rest, lower_priority, patience_s)
    while rest:
        yield function(rest.popleft())


def _map_in_a_thread(
    function: Callable[[_Item], _Result], rest: deque[_Item], lower_priority: Callable[[], None], patience_s: float
) -> Iterator[_Result]:
    """Take items from the left of rest as they are done, until one takes longer than patience_s."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="idle", initializer=lower_priority)
    try:
        while rest:
            future = pool.submit(function, rest[0])  # one at a time: the process's end waits for all that is submitted
            if not wait([future], patience_s).done:
                return
            rest.popleft()
            yield future.result()
    finally:
        pool.shutdown(wait=False)


def _run_when_idle() -> None:
    """Let this thread, and those that its matrix products start, run in idle time; on Linux, where threads can."""
    if sys.platform != "linux":
        return
    try:
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))
    except OSError:  # a container may refuse it
        _run_at_low_priority()


def _run_at_low_priority() -> None:
    if sys.platform == "linux":  # elsewhere this would be the whole process's
        own = os.getpriority(os.PRIO_PROCESS, 0)  # nobody but root may have less than that
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), own + NICENESS)
