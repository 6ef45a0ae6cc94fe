# SPDX-License-Identifier: Apache-2.0
"""Tell a clock that jumped back (a looping bag, a clock that was set) from the jitter of stamps."""

JUMP_NS = 10**9  # more than clocks are corrected by and images overtake one another, less than any bag is long


def is_jump_back(before_ns: int, now_ns: int) -> bool:
    """Whether a stamp means that the clock jumped back."""
    return before_ns - now_ns > JUMP_NS
