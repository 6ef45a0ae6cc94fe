# SPDX-License-Identifier: Apache-2.0
"""A leak is told from what is loaded once; in whole megabytes and minutes, by hand."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from talk2dino_ros.ros.watch.alarm import AlarmLevel
from talk2dino_ros.ros.watch.memory_growth import PERIOD_S, WARM_UP_S, MemoryGrowth
from talk2dino_ros.ros.watch.own_memory import available_bytes, own_bytes

MB, GB = 10**6, 10**9
START_S, NOON = 1000.0, 1_764_158_400.0  # 2025-11-26 12:00 UTC


def watched(megabytes: Callable[[float], float], minutes: float) -> MemoryGrowth:
    """What has seen a process whose megabytes are a function of the minutes since the warm-up."""
    growth = MemoryGrowth(START_S)
    begin_s = START_S + WARM_UP_S
    for step in range(round(minutes * 60 / PERIOD_S) + 1):
        now_s = begin_s + step * PERIOD_S
        assert growth.is_due(now_s)
        growth.note(now_s, round(megabytes((now_s - begin_s) / 60) * MB))
    return growth


def leak(minute: float) -> float:
    return 500 + 5 * minute  # 300 MB per hour


def test_the_warm_up_is_not_looked_at():
    growth = MemoryGrowth(START_S)
    assert not growth.is_due(START_S + 299)
    assert growth.is_due(START_S + 300)


def test_a_leak_is_told_with_its_rate_and_since_when():
    alarm = watched(leak, minutes=20).alarm(NOON, available_bytes=6 * GB)
    assert (alarm.watchdog, alarm.level) == ("memory", AlarmLevel.WARN)
    assert alarm.text.startswith(
        "the process's memory has grown by 300 MB per hour since 2025-11-26 11:40 UTC, from 500 to 600 MB, expected no "
        "growth, so that the machine's memory lasts for 20.0 h more; restart the node before it ends"
    )


def test_a_leak_that_ends_the_machine_within_the_hour_is_an_error():
    assert watched(leak, minutes=20).alarm(NOON, available_bytes=299 * MB).level == AlarmLevel.ERROR


def test_where_the_machines_memory_is_not_known_the_rest_is_told():
    alarm = watched(leak, minutes=20).alarm(NOON, available_bytes=None)
    assert alarm.level == AlarmLevel.WARN
    assert "expected no growth; restart" in alarm.text


def test_ten_minutes_of_a_fast_leak_are_enough_and_nine_are_not():
    assert watched(leak, minutes=10).alarm(NOON, 6 * GB)
    assert watched(leak, minutes=9).alarm(NOON, 6 * GB) is None


def test_a_slow_leak_is_told_after_an_hour():
    def slow(minute: float) -> float:
        return 500 + 0.8 * minute  # 48 MB per hour, 8 in ten minutes

    assert watched(slow, minutes=20).alarm(NOON, 6 * GB) is None
    assert "48 MB per hour since 2025-11-26 11:00 UTC" in watched(slow, minutes=60).alarm(NOON, 6 * GB).text


def test_a_fast_leak_after_a_quiet_hour_is_told_within_ten_minutes():
    def late(minute: float) -> float:
        return 500 + 10 * max(0, minute - 60)

    assert watched(late, minutes=60).alarm(NOON, 6 * GB) is None
    assert "600 MB per hour since 2025-11-26 11:50 UTC" in watched(late, minutes=70).alarm(NOON, 6 * GB).text


@pytest.mark.parametrize(
    "megabytes",
    [
        pytest.param(lambda minute: 500, id="nothing happens"),
        pytest.param(lambda minute: 500 + 400 * (minute > 7), id="a text encoder is loaded"),
        pytest.param(lambda minute: 500 + 60 * (minute > 3) + 60 * (minute > 12), id="two sizes are converted"),
        pytest.param(lambda minute: 500 + 200 * min(minute, 4) / 4, id="a warm-up that takes four minutes more"),
        pytest.param(lambda minute: 500 - 5 * minute, id="memory is given back"),
        pytest.param(lambda minute: 500 + 40 * (round(minute * 4) % 2), id="an allocator that moves by 40 MB"),
        pytest.param(lambda minute: 500 + minute, id="less than the floor in 20 minutes"),
    ],
)
def test_what_is_no_leak_is_none(megabytes):
    for minutes in (10, 12, 15, 20):
        assert watched(megabytes, minutes).alarm(NOON, 6 * GB) is None


def test_a_leak_is_seen_through_an_allocators_noise():
    noisy = watched(lambda minute: leak(minute) + 20 * (round(minute * 4) % 2), minutes=20)
    assert "300 MB per hour" in noisy.alarm(NOON, 6 * GB).text


def test_after_a_restart_everything_is_learnt_anew():
    growth = watched(leak, minutes=20)
    growth.restart(now_s=5000.0)
    assert growth.alarm(NOON, 6 * GB) is None
    assert not growth.is_due(5000.0 + WARM_UP_S - 1)


def test_the_samples_are_bounded_and_a_stopped_process_is_no_leak():
    growth = watched(lambda minute: 500, minutes=600)
    growth.note(10**6, 900 * MB)  # the machine slept for days
    assert growth.alarm(NOON, 6 * GB) is None
    assert len(growth._samples) == 241


def test_linuxs_own_words_are_read(tmp_path):
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "status").write_text(
        "Name:\tsegmenter\nVmRSS:\t  900000 kB\nRssAnon:\t  500000 kB\nRssFile:\t  300000 kB\nRssShmem:\t  100000 kB\n"
        "VmSwap:\t    2000 kB\n"
    )
    (tmp_path / "meminfo").write_text("MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n")
    assert own_bytes(tmp_path) == 502_000 * 1024
    assert available_bytes(tmp_path) == 8_000_000 * 1024


def test_where_there_is_no_proc_nothing_is_known(tmp_path):
    assert (own_bytes(tmp_path), available_bytes(tmp_path)) == (None, None)


def test_memory_that_a_process_takes_is_seen():
    # in a process of its own: here another test's threads may give back as much in the same moment
    code = f"""
from talk2dino_ros.ros.watch.own_memory import own_bytes
before = own_bytes()
taken = bytearray(b"x") * {50 * MB}
print(own_bytes() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 45 * MB < int(done.stdout) < 80 * MB
