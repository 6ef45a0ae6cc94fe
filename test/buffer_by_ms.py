# SPDX-License-Identifier: Apache-2.0
"""A buffer whose values are their own stamps in ms, so that a match can be read off."""

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
