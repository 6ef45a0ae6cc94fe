# SPDX-License-Identifier: Apache-2.0
"""Values are their own stamps in ms, so that a match can be read off."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from talk2dino_ros.perception.space.stamped_buffer import StampedBuffer

MS = 1_000_000


def buffer_of(*stamps_ms, max_count=5):
    buffer = StampedBuffer(max_count)
    put(buffer, *stamps_ms)
    return buffer


def put(buffer, *stamps_ms):
    for stamp_ms in stamps_ms:
        buffer.put(round(stamp_ms * MS), f"{stamp_ms:g}")


def match(buffer, stamp_ms, slop_ms=20, timeout_s=0.0):
    """The value and the offset in ms, or None."""
    found = buffer.match(round(stamp_ms * MS), round(slop_ms * MS), timeout_s)
    return found and (found[0], found[1] / MS)


def later(seconds, call, *arguments):
    timer = threading.Timer(seconds, call, arguments)
    timer.start()
    return timer


def timed(call, *arguments, **keywords):
    start = time.monotonic()
    return call(*arguments, **keywords), time.monotonic() - start


def test_the_value_of_the_very_stamp_is_found_among_newer_and_older_ones():
    assert match(buffer_of(100, 133, 166, 200), 133, slop_ms=0) == ("133", 0)


def test_one_nanosecond_beside_is_no_exact_match():
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
def test_else_the_nearest_within_the_slop_before_or_after(stamp_ms, found):
    assert match(buffer_of(100, 133, 166, 185.5), stamp_ms) == found


def test_of_two_as_near_the_older_is_taken():
    assert match(buffer_of(100, 120), 110) == ("100", -10)


def test_the_newest_is_never_taken_for_being_the_newest():
    buffer = buffer_of(100, 133, 166)
    assert match(buffer, 1000) is None
    assert match(buffer, 10) is None


def test_an_empty_buffer_has_none_and_says_so():
    buffer = buffer_of()
    assert match(buffer, 100) is None
    sentence = "no depth image has come yet, expected one within 20.0 ms of the image; start its publisher or "
    assert buffer.why_none(100 * MS, 20 * MS).startswith(sentence)


@pytest.mark.parametrize(("stamp_ms", "beside"), [(250.5, "50.5 ms before"), (58, "42.0 ms after")])
def test_why_none_tells_how_far_the_nearest_is(stamp_ms, beside):
    buffer = buffer_of(100, 200)
    assert match(buffer, stamp_ms) is None
    sentence = f"the nearest depth image is {beside} the image, expected one within 20.0 ms; publish it more often"
    assert buffer.why_none(round(stamp_ms * MS), 20 * MS).startswith(sentence)


def test_why_none_tells_that_it_came_but_too_late():
    buffer = buffer_of(100)
    assert match(buffer, 133, slop_ms=10) is None
    put(buffer, 140)
    sentence = "the depth image 7.0 ms after the image came too late, expected one within 10.0 ms before"
    assert buffer.why_none(133 * MS, 10 * MS).startswith(sentence)


def test_the_buffers_own_name_stands_in_its_sentences():
    assert StampedBuffer(3, "message on /depth").why_none(0, 0).startswith("no message on /depth has come yet")


def test_a_late_one_is_waited_for_and_taken_as_soon_as_it_comes():
    buffer = buffer_of(100)
    timer = later(0.1, put, buffer, 133)
    found, seconds = timed(match, buffer, 133, timeout_s=20.0)
    timer.join()
    assert found == ("133", 0)
    assert 0.05 < seconds < 10


def test_a_nearer_one_that_is_late_is_better_than_one_in_reach():
    buffer = buffer_of(120)
    timer = later(0.1, put, buffer, 133)
    assert match(buffer, 133, timeout_s=20.0) == ("133", 0)
    timer.join()


def test_a_newer_one_ends_the_wait_as_nothing_better_can_come():
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


def test_older_ones_that_come_meanwhile_do_not_end_the_wait():
    buffer = buffer_of(100)
    timers = [later(0.05, put, buffer, 110), later(0.1, put, buffer, 120), later(0.15, put, buffer, 133)]
    assert match(buffer, 133, timeout_s=20.0) == ("133", 0)
    for timer in timers:
        timer.join()


def test_the_wait_ends_with_the_nearest_there_is_or_none():
    found, seconds = timed(match, buffer_of(120), 133, timeout_s=0.1)
    assert found == ("120", -13)
    assert seconds >= 0.1
    found, seconds = timed(match, buffer_of(), 133, timeout_s=0.1)
    assert found is None
    assert seconds >= 0.1


def test_without_a_wait_nobody_waits():
    assert timed(match, buffer_of(100), 133)[1] < 1.0


def test_no_more_than_the_newest_are_kept():
    buffer = buffer_of(*range(0, 1000, 10), max_count=5)
    assert len(buffer) == 5
    assert match(buffer, 940, slop_ms=9) is None
    assert match(buffer, 950, slop_ms=0) == ("950", 0)


def test_what_is_pinned_stays_however_long_the_image_takes():
    buffer = buffer_of(100, 133, 166)
    buffer.pin(140 * MS)
    put(buffer, *range(200, 30_000, 33))
    assert len(buffer) == 7
    assert match(buffer, 140) == ("133", -7)
    assert match(buffer, 160) == ("166", 6)  # also the one after it
    assert match(buffer, 100) is None  # and no other


def test_what_comes_after_the_pin_stays_too():
    buffer = buffer_of(100)
    buffer.pin(133 * MS)
    put(buffer, *range(134, 30_000, 33))
    assert match(buffer, 133) == ("134", 1)
    assert len(buffer) == 7  # 100 lies next to it as well


def test_an_exact_one_is_kept_alone_for_its_pin():
    buffer = buffer_of(100, 133, 166)
    buffer.pin(133 * MS)
    put(buffer, *range(200, 30_000, 33))
    assert match(buffer, 133, slop_ms=0) == ("133", 0)


def test_another_pin_of_the_same_holder_gives_the_first_free():
    buffer = buffer_of(100, 133)
    buffer.pin(110 * MS)
    put(buffer, *range(200, 600, 33))
    buffer.pin(590 * MS)
    put(buffer, *range(600, 1000, 33))
    assert match(buffer, 110) is None
    assert len(buffer) <= 7


def test_a_waiting_image_is_pinned_beside_the_one_in_hand():
    buffer = buffer_of(100)
    buffer.pin(100 * MS)
    for stamp_ms in range(110, 3000, 10):
        put(buffer, stamp_ms)
        if stamp_ms % 1000 == 0:
            buffer.pin(stamp_ms * MS, "waiting")
        assert len(buffer) <= 5 + 2 * 2
    assert match(buffer, 100, slop_ms=0) == ("100", 0)
    assert match(buffer, 2000, slop_ms=0) == ("2000", 0)
    assert match(buffer, 1000) is None


def test_memory_ends_at_the_stated_bytes_for_depth_at_30_hz():
    """The docstring's figure: 15 newest and two for the one pin, of 640x480 in 16UC1."""
    buffer, image = StampedBuffer(15), bytes(640 * 480 * 2)
    for number in range(300):
        if number % 60 == 0:
            buffer.pin(round(number / 30 * 1e9))
        buffer.put(round(number / 30 * 1e9), image)
        assert len(buffer) <= 17
    assert len(buffer) * len(image) <= 10_444_800


def test_stamps_that_go_back_clear_everything():
    buffer = buffer_of(9000, 9033, 9066)
    buffer.pin(9033 * MS)
    put(buffer, 10, 43)
    assert len(buffer) == 2
    assert match(buffer, 9033) is None
    assert match(buffer, 43) == ("43", 0)
    assert "the nearest depth image since its stamps went back is 8990.0 ms before" in buffer.why_none(
        9033 * MS, 20 * MS
    )


def test_one_wrong_stamp_from_the_future_does_not_block_what_follows():
    buffer = buffer_of(100, 133, 10_000_000, 166, 200)
    assert match(buffer, 166, slop_ms=0) == ("166", 0)


def test_the_same_stamp_again_replaces_the_value():
    buffer = buffer_of(100)
    buffer.put(100 * MS, "again")
    assert len(buffer) == 1
    assert match(buffer, 100) == ("again", 0)


def test_clear_forgets_values_and_pins():
    buffer = buffer_of(100, 133)
    buffer.pin(100 * MS)
    buffer.clear()
    assert len(buffer) == 0
    assert "has come yet" in buffer.why_none(0, 0)
    put(buffer, *range(0, 1000, 10))
    assert len(buffer) == 5


def test_a_buffer_of_nothing_is_refused():
    with pytest.raises(ValueError, match="max_count is 0, expected at least 1; keep"):
        StampedBuffer(0)


def test_one_thread_puts_while_others_match_and_every_match_is_the_images_own():
    buffer, wrong, found = StampedBuffer(8), [], [0, 0]

    def reads(number):
        """Ask for stamps that lie 0, 1 or 2 ms beside those that come every 3 ms."""
        for stamp_ms in range(number, 6000, 4):
            buffer.pin(stamp_ms * MS, f"reader {number}")
            value = match(buffer, stamp_ms, slop_ms=1, timeout_s=20.0)
            if value is not None:
                found[number] += 1
                offset = (stamp_ms + 1) // 3 * 3 - stamp_ms
                if value != (f"{stamp_ms + offset:g}", offset):
                    wrong.append((stamp_ms, value))

    readers = [threading.Thread(target=reads, args=(number,)) for number in (0, 1)]
    for reader in readers:
        reader.start()
    for stamp_ms in range(0, 6003, 3):
        put(buffer, stamp_ms)
        time.sleep(0.0003)
    for reader in readers:
        reader.join(60)
        assert not reader.is_alive()
    assert not wrong
    assert min(found) > 100
    assert len(buffer) <= 8 + 2 * 2


def test_a_stamp_that_is_a_little_older_takes_its_place_among_the_others():
    buffer = StampedBuffer(10)
    for stamp_ns in (100, 300, 200):
        buffer.put(stamp_ns, f"of {stamp_ns}")
    assert [buffer.match(stamp_ns, 0) for stamp_ns in (100, 200, 300)] == [("of 100", 0), ("of 200", 0), ("of 300", 0)]


def test_closing_ends_a_wait_at_once_and_opening_lets_wait_again():
    buffer = StampedBuffer(10)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(buffer.match, 5, 0, 60.0)
        while not buffer._changed._waiters:
            time.sleep(0.001)
        buffer.close()
        assert waiting.result(timeout=10.0) is None
        buffer.open()
        waiting = pool.submit(buffer.match, 5, 0, 60.0)
        buffer.put(5, "it")
        assert waiting.result(timeout=10.0) == ("it", 0)
