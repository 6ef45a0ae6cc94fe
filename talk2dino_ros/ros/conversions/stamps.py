# SPDX-License-Identifier: Apache-2.0
"""Convert builtin_interfaces/Time to nanoseconds and back, exactly."""

from typing import Any


def stamp_to_ns(stamp: Any) -> int:
    """Return a stamp (`sec`, `nanosec`) in nanoseconds."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


def ns_to_stamp(stamp_ns: int) -> Any:
    """Split nanoseconds into a builtin_interfaces/Time."""
    from talk2dino_ros.ros.messages.message_classes import Time  # here, as most who read stamps need no messages

    return Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
