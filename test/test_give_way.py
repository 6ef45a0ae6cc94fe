# SPDX-License-Identifier: Apache-2.0
"""Work that gives way to everything else, and does not wait for ever."""

import os
import sys
import threading

import pytest

from talk2dino_ros.give_way import NICENESS, giving_way

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="on Linux alone a thread has a priority of its own")


def policy():
    return os.sched_getscheduler(threading.get_native_id())


def test_the_work_and_the_threads_it_starts_run_in_idle_time():
    before, policies = policy(), []

    def work():
        child = threading.Thread(target=lambda: policies.append(policy()))
        child.start()
        child.join()
        policies.append(policy())
        return "done"

    assert giving_way(work) == "done"
    assert policies == [os.SCHED_IDLE, os.SCHED_IDLE]
    assert policy() == before


def test_work_that_no_idle_time_comes_for_is_done_at_a_low_priority():
    released, priorities = threading.Event(), []

    def work():
        if policy() == os.SCHED_IDLE:
            released.wait(60)
        priorities.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return policy()

    results = []
    thread = threading.Thread(target=lambda: results.append(giving_way(work, patience_s=0.05)))
    thread.start()
    thread.join()
    released.set()
    assert results == [os.SCHED_OTHER]
    assert priorities[0] == NICENESS


def test_an_error_of_the_work_is_the_callers():
    with pytest.raises(ValueError, match="no word"):
        giving_way(lambda: int("no word"))
    calls = []

    def fail():
        calls.append(1)
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        giving_way(fail)
    assert len(calls) == 1
