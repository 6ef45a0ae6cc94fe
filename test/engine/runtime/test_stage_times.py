# SPDX-License-Identifier: Apache-2.0
"""The stage timer against a clock that the test moves, and in the segmenter."""

import time

import pytest

from talk2dino_ros.engine.runtime.stage_times import STAGES, StageTimer, stage


@pytest.fixture
def clock(monkeypatch):
    """A clock in seconds that stands still unless a test moves it: `clock.append(by_s)`."""
    moves = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: sum(moves))
    return moves


def test_a_stage_takes_the_time_of_its_block(clock):
    timer = StageTimer()
    with timer("decode"):
        clock.append(0.25)
    clock.append(9.0)
    with timer("publish"):
        clock.append(0.5)
    assert timer.seconds == {"decode": 0.25, "publish": 0.5}


def test_a_stage_that_comes_twice_adds_up(clock):
    timer = StageTimer()
    for duration_s in (0.25, 0.5):
        with timer("score"):
            clock.append(duration_s)
    assert timer.seconds == {"score": 0.75}


def test_a_block_that_raises_is_timed_too(clock):
    timer = StageTimer()

    def fail():
        with timer("refine"):
            clock.append(0.25)
            raise ValueError("out")

    with pytest.raises(ValueError, match="out"):
        fail()
    assert timer.seconds == {"refine": 0.25}


def test_the_device_is_waited_for_before_the_start_and_before_the_end(clock):
    waits = []

    def synchronize():
        waits.append(len(clock))
        clock.append(1.0)  # the device still works on what came before

    timer = StageTimer(synchronize)
    with timer("backbone"):
        clock.append(0.25)
    assert timer.seconds == {"backbone": 1.25}  # its own wait, and not the one for what came before
    assert len(waits) == 2


def test_without_a_timer_a_block_just_runs(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: pytest.fail("the clock was read"))
    with stage(None, "decode"):
        done = True
    assert done


def test_a_timer_times_the_block_of_the_given_name(clock):
    timer = StageTimer()
    with stage(timer, "upload"):
        clock.append(0.125)
    assert timer.seconds == {"upload": 0.125}


def test_the_stages_are_in_the_order_of_a_frames_way_and_different():
    assert STAGES[0] == "decode"
    assert STAGES[-2:] == ("publish", "points")
    assert len(set(STAGES)) == len(STAGES)
