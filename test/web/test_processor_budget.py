# SPDX-License-Identifier: Apache-2.0
"""What the page may take of the processor: as an account, and of a server with many browsers."""

import asyncio
import threading
import time
from collections import Counter
from contextlib import suppress

import pytest
from scripted_source import ScriptedSource
from web_page import in_own_loop

from benchmarks.node.cheap_viewers import look
from talk2dino_ros.web import viewers
from talk2dino_ros.web.access import Access
from talk2dino_ros.web.processor_budget import BURST_S, LONGEST_REST_S, SHARE, ProcessorBudget
from talk2dino_ros.web.web_app import make_app
from talk2dino_ros.web.web_server import WebServer


class Time:
    """now, spent: seconds on the clock and of the processor."""

    def __init__(self):
        self.now, self.spent = 50.0, 3.0

    def budget(self, share):
        return ProcessorBudget(share, lambda: self.now, lambda: self.spent)

    def work(self, seconds):
        self.now += seconds
        self.spent += seconds


def test_what_was_spent_beyond_the_burst_is_waited_for():
    clock = Time()
    budget = clock.budget(0.2)
    clock.work(BURST_S)
    assert budget.rest_s() == 0
    clock.work(0.02)
    # earned meanwhile is 0.2 * 0.02, so that 0.016 s are owed, which are earned in 0.08 s
    assert budget.rest_s() == pytest.approx(0.08)
    clock.now += 0.08
    assert budget.rest_s() == pytest.approx(0)
    clock.now += 1000
    clock.work(2 * BURST_S)  # no more than a burst was saved up
    assert budget.rest_s() == pytest.approx(BURST_S / 0.2)


def test_a_debt_that_others_made_silences_for_a_second_at_most():
    clock = Time()
    budget = clock.budget(0.2)
    clock.work(600)
    assert budget.rest_s() == pytest.approx(LONGEST_REST_S)


@pytest.mark.parametrize("cost_s", [0.0001, 0.003, 0.04])
def test_work_without_end_takes_its_share_and_no_more(cost_s):
    clock = Time()
    budget = clock.budget(0.1)
    while clock.now < 150:
        clock.work(cost_s)
        clock.now += budget.rest_s()
    assert 0.1 * 100 <= clock.spent - 3 <= 0.1 * 100 + BURST_S + cost_s


def test_a_threads_own_work_is_counted_and_nobody_elses():
    done, work = threading.Event(), threading.Thread(target=lambda: spin(4 * BURST_S) or done.set())
    budget = ProcessorBudget(SHARE)
    work.start()
    assert done.wait(60)
    work.join()
    assert budget.rest_s() == 0
    spin(2 * BURST_S)
    assert budget.rest_s() > 0


def spin(seconds):
    """Take processor time in this thread."""
    begin_s = time.thread_time()
    while time.thread_time() - begin_s < seconds:
        pass


def test_twenty_browsers_share_what_the_page_may_take(monkeypatch):
    """Of the real server, whose source always has something new; each turn costs 2.5 ms of an account of this test."""
    source, ended, cost_s = ScriptedSource(), threading.Event(), 0.0025
    budget = ProcessorBudget(SHARE, time.monotonic, lambda: cost_s * source.looked)
    monkeypatch.setattr(viewers, "ProcessorBudget", lambda: budget)
    turns, new_pictures = [], viewers.Viewer._new_pictures

    def noted(viewer):
        turns.extend([viewer] * bool(viewer.watched))
        return new_pictures(viewer)

    monkeypatch.setattr(viewers.Viewer, "_new_pictures", noted)
    server = WebServer(make_app(source, Access(), max_rate_hz=1000), Access(), 0)
    server.start()

    def change():
        while not ended.wait(0.005):
            source.show((200, 40, 40))

    changing = threading.Thread(target=change)
    changing.start()
    try:
        passed_s, had = in_own_loop(turns_of_all(80, turns, server.port))
    finally:
        ended.set()
        changing.join()
        server.stop()
    assert 80 <= len(had) <= (SHARE * passed_s + BURST_S) / cost_s + 1
    pictures = Counter(had).values()
    assert len(pictures) == 20
    assert max(pictures) - min(pictures) <= 2  # they take turns


async def turns_of_all(count, turns, port):
    """Wait until each of twenty browsers has had its turn, and then for so many more; return how long those took, and
    whose they were.
    """
    looking = asyncio.ensure_future(look(20, 120.0, port, ["front"]))
    while len(set(turns)) < 20:
        await asyncio.sleep(0.001)
    began_s = time.monotonic()
    turns.clear()
    while len(turns) < count and not looking.done():
        await asyncio.sleep(0.001)
    had, passed_s = [*turns], time.monotonic() - began_s
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    return passed_s, had
