# SPDX-License-Identifier: Apache-2.0
"""Work that may wait, in threads that run only where nothing else wants the processor."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

PATIENCE_S = 10.0
NICENESS = 10  # of work that has waited so long: it takes a share, and still less than others
_Result = TypeVar("_Result")


def giving_way(work: Callable[[], _Result], patience_s: float = PATIENCE_S) -> _Result:
    """Return work(), done in idle time, or where all processors are taken for so long at a low priority.

    A low priority alone still makes images late; idle time alone may never come. Blocks the calling thread, which
    should be one of its own. Work that did not come to its end in idle time does so later, and its result is dropped.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="idle", initializer=_run_when_idle)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    if wait([future], patience_s).done:
        return future.result()
    _lower_priority()
    return work()


def _run_when_idle() -> None:
    """Let this thread, and those that its matrix products start, run in idle time; on Linux, where threads can."""
    if sys.platform == "linux":
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))


def _lower_priority() -> None:
    if sys.platform == "linux":  # elsewhere this would be the whole process's
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
