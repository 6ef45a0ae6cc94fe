# SPDX-License-Identifier: Apache-2.0
"""Work at idle priority, and does not wait for ever."""

import os
import subprocess
import sys
import threading
from concurrent.futures import wait

import pytest

from talk2dino_ros.ros.node import idle_priority
from talk2dino_ros.ros.node.idle_priority import NICENESS, map_at_idle_priority

LOWEST = 19  # niceness

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="on Linux alone a thread has a priority of its own")


def policy():
    return os.sched_getscheduler(threading.get_native_id())


def in_own_thread(function):
    """Return what the function returns in a thread of its own, whose priority may be changed."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_work_is_done_once_in_order_by_an_idle_priority_thread():
    before, seen = policy(), []

    def double(number):
        seen.append((number, policy(), in_own_thread(policy)))
        return 2 * number

    assert list(map_at_idle_priority(double, [1, 2, 3], patience_s=60)) == [2, 4, 6]
    assert seen == [(number, os.SCHED_IDLE, os.SCHED_IDLE) for number in (1, 2, 3)]
    assert policy() == before


@pytest.mark.skipif(
    hasattr(os, "getpriority") and os.getpriority(os.PRIO_PROCESS, 0) == LOWEST,
    reason=f"no priority is lower than this process's niceness of {LOWEST}",
)
def test_work_that_idle_time_leaves_is_done_at_low_then_at_normal_priority(monkeypatch):
    patience = iter([60, 0.05, 60, 0.05])  # how long each is really waited for
    monkeypatch.setattr(idle_priority, "wait", lambda futures, _: wait(futures, next(patience)))
    released, own = threading.Event(), os.getpriority(os.PRIO_PROCESS, 0)
    idle, low, normal = (os.SCHED_IDLE, own), (os.SCHED_OTHER, min(own + NICENESS, LOWEST)), (os.SCHED_OTHER, own)
    too_slow = {(2, idle), (3, low)}
    seen = []

    def double(number):
        priority = (policy(), os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        if (number, priority) in too_slow:
            released.wait(60)
        else:
            seen.append((number, priority))
        return 2 * number

    try:
        assert list(map_at_idle_priority(double, [1, 2, 3, 4])) == [2, 4, 6, 8]
    finally:
        released.set()
    assert seen == [(1, idle), (2, low), (3, normal), (4, normal)]


def test_work_is_done_at_low_priority_where_idle_time_is_refused(monkeypatch):
    """As by the security profile of a container."""

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    own = os.getpriority(os.PRIO_PROCESS, 0)

    def priority(_):
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert list(map_at_idle_priority(priority, [1, 2], patience_s=60)) == 2 * [min(own + NICENESS, LOWEST)]


@pytest.mark.parametrize("error", [ValueError("no word"), TimeoutError("its own")])
def test_an_error_is_raised_to_the_caller_and_ends_the_work(error):
    calls = []

    def fail(number):
        calls.append(number)
        raise error

    with pytest.raises(type(error), match=str(error)):
        list(map_at_idle_priority(fail, [1, 2], patience_s=60))
    assert calls == [1]


def test_a_process_that_ends_waits_only_for_the_current_piece_of_work():
    code = """
import threading, time
from talk2dino_ros.ros.node.idle_priority import map_at_idle_priority

begun = threading.Event()

def work(number):
    begun.set()
    time.sleep(0.3)
    print(number, flush=True)

threading.Thread(target=lambda: list(map_at_idle_priority(work, range(200))), daemon=True).start()
begun.wait()
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "0"
    assert len(done.stdout.splitlines()) < 10
