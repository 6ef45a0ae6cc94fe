# SPDX-License-Identifier: Apache-2.0
"""What a buffer keeps, and when it forgets: counts, pins, stamps that go back, closing."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from buffer_by_ms import MS, buffer_of, match, put

from talk2dino_ros.perception.space.stamped_buffer import StampedBuffer


def test_only_the_newest_values_are_kept():
    buffer = buffer_of(*range(0, 1000, 10), max_count=5)
    assert len(buffer) == 5
    assert match(buffer, 940, slop_ms=9) is None
    assert match(buffer, 950, slop_ms=0) == ("950", 0)


def test_pinned_values_are_kept_until_the_pin_ends():
    buffer = buffer_of(100, 133, 166)
    buffer.pin(140 * MS)
    put(buffer, *range(200, 30_000, 33))
    assert len(buffer) == 7
    assert match(buffer, 140) == ("133", -7)
    assert match(buffer, 160) == ("166", 6)  # also the one after it
    assert match(buffer, 100) is None  # and no other


def test_values_after_the_pin_are_kept_too():
    buffer = buffer_of(100)
    buffer.pin(133 * MS)
    put(buffer, *range(134, 30_000, 33))
    assert match(buffer, 133) == ("134", 1)
    assert len(buffer) == 7  # 100 lies next to it as well


def test_an_exact_match_is_the_only_value_kept_for_its_pin():
    buffer = buffer_of(100, 133, 166)
    buffer.pin(133 * MS)
    put(buffer, *range(200, 30_000, 33))
    assert match(buffer, 133, slop_ms=0) == ("133", 0)


def test_a_holders_new_pin_releases_its_old_one():
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


def test_memory_for_depth_at_30_hz_stays_within_the_stated_bytes():
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


def test_a_buffer_without_capacity_is_refused():
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


def test_what_is_unpinned_goes_and_other_pins_stay():
    buffer = StampedBuffer(2)
    for stamp_ns in (10, 20, 30):
        buffer.put(stamp_ns, stamp_ns)
        if stamp_ns != 20:
            buffer.pin(stamp_ns, f"waiting {stamp_ns}")
    for stamp_ns in (40, 50, 60):
        buffer.put(stamp_ns, stamp_ns)

    def kept():
        return [stamp_ns for stamp_ns in range(10, 70, 10) if buffer.match(stamp_ns, 0)]

    assert kept() == [10, 20, 30, 50, 60]  # a pin keeps the one before it too
    buffer.unpin("waiting 10")
    buffer.unpin("nobody")
    assert kept() == [20, 30, 50, 60]
    buffer.unpin("waiting 30")
    assert kept() == [50, 60]
