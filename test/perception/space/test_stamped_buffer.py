# SPDX-License-Identifier: Apache-2.0
"""Values are their own stamps in ms, so that a match can be read off."""

import threading
import time

import pytest
from buffer_by_ms import MS, buffer_of, match, put

from talk2dino_ros.perception.space.stamped_buffer import StampedBuffer


def later(seconds, call, *arguments):
    timer = threading.Timer(seconds, call, arguments)
    timer.start()
    return timer


def timed(call, *arguments, **keywords):
    start = time.monotonic()
    return call(*arguments, **keywords), time.monotonic() - start


def test_the_value_of_the_exact_stamp_is_found():
    assert match(buffer_of(100, 133, 166, 200), 133, slop_ms=0) == ("133", 0)


def test_a_nanoseconds_difference_is_no_exact_match():
    buffer = StampedBuffer(5)
    buffer.put(1_700_000_000_000_000_001, "depth")  # more digits than a float has
    assert buffer.match(1_700_000_000_000_000_000, 0) is None
    assert buffer.match(1_700_000_000_000_000_000, 1) == ("depth", 1)
    assert buffer.match(1_700_000_000_000_000_002, 1) == ("depth", -1)


@pytest.mark.parametrize(
    ("stamp_ms", "found"),
    [
        (110, ("100", -10)),
        (120, ("133", 13)),
        (153, ("166", 13)),
        (185, ("185.5", 0.5)),
        (80, ("100", 20)),  # just within
        (79, None),
        (206, None),  # the newest is 20.5 away, and it is not taken for being the newest
    ],
)
def test_without_an_exact_match_the_nearest_within_the_slop_is_taken(stamp_ms, found):
    assert match(buffer_of(100, 133, 166, 185.5), stamp_ms) == found


def test_of_two_equally_near_values_the_older_is_taken():
    assert match(buffer_of(100, 120), 110) == ("100", -10)


def test_the_newest_value_is_not_taken_outside_the_slop():
    buffer = buffer_of(100, 133, 166)
    assert match(buffer, 1000) is None
    assert match(buffer, 10) is None


def test_an_empty_buffer_gives_none_and_the_reason():
    buffer = buffer_of()
    assert match(buffer, 100) is None
    sentence = "no depth image has come yet, expected one within 20.0 ms of the image; start its publisher or "
    assert buffer.why_none(100 * MS, 20 * MS).startswith(sentence)


@pytest.mark.parametrize(("stamp_ms", "beside"), [(250.5, "50.5 ms before"), (58, "42.0 ms after")])
def test_the_reason_says_how_far_the_nearest_value_is(stamp_ms, beside):
    buffer = buffer_of(100, 200)
    assert match(buffer, stamp_ms) is None
    sentence = f"the nearest depth image is {beside} the image, expected one within 20.0 ms; publish it more often"
    assert buffer.why_none(round(stamp_ms * MS), 20 * MS).startswith(sentence)


def test_the_reason_says_that_the_value_came_too_late():
    buffer = buffer_of(100)
    assert match(buffer, 133, slop_ms=10) is None
    put(buffer, 140)
    sentence = "the depth image 7.0 ms after the image came too late, expected one within 10.0 ms before"
    assert buffer.why_none(133 * MS, 10 * MS).startswith(sentence)


def test_the_reason_names_the_buffer():
    assert StampedBuffer(3, "message on /depth").why_none(0, 0).startswith("no message on /depth has come yet")


def test_a_late_value_is_waited_for_and_taken_at_once():
    buffer = buffer_of(100)
    timer = later(0.1, put, buffer, 133)
    found, seconds = timed(match, buffer, 133, timeout_s=20.0)
    timer.join()
    assert found == ("133", 0)
    assert 0.05 < seconds < 10


def test_a_late_nearer_value_is_preferred_to_one_within_the_slop():
    buffer = buffer_of(120)
    timer = later(0.1, put, buffer, 133)
    assert match(buffer, 133, timeout_s=20.0) == ("133", 0)
    timer.join()


def test_a_newer_value_ends_the_wait():
    assert timed(match, buffer_of(100, 180), 133, timeout_s=20.0)[1] < 10
    found, seconds = timed(match, buffer_of(120, 180), 133, timeout_s=20.0)
    assert found == ("120", -13)
    assert seconds < 10
    buffer = buffer_of(100)
    timer = later(0.1, put, buffer, 180)
    found, seconds = timed(match, buffer, 133, timeout_s=20.0)
    timer.join()
    assert found is None
    assert seconds < 10


def test_older_values_do_not_end_the_wait():
    buffer = buffer_of(100)
    timers = [later(0.05, put, buffer, 110), later(0.1, put, buffer, 120), later(0.15, put, buffer, 133)]
    assert match(buffer, 133, timeout_s=20.0) == ("133", 0)
    for timer in timers:
        timer.join()


def test_a_wait_that_times_out_gives_the_nearest_or_none():
    found, seconds = timed(match, buffer_of(120), 133, timeout_s=0.1)
    assert found == ("120", -13)
    assert seconds >= 0.1
    found, seconds = timed(match, buffer_of(), 133, timeout_s=0.1)
    assert found is None
    assert seconds >= 0.1


def test_a_lookup_without_a_timeout_returns_at_once():
    assert timed(match, buffer_of(100), 133)[1] < 1.0
