# SPDX-License-Identifier: Apache-2.0
"""When stamps that go back mean another time: a bag that loops, a clock that was set; and when they are jitter."""

JUMP_NS = 10**9  # more than clocks are corrected by and images overtake one another, less than any bag is long


def is_jump_back(before_ns: int, now_ns: int) -> bool:
    """Whether a stamp begins another time."""
    return before_ns - now_ns > JUMP_NS
