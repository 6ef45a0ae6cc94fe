# SPDX-License-Identifier: Apache-2.0
"""Stamps to nanoseconds and back, against values split by hand."""

import pytest
from builtin_interfaces.msg import Time

from talk2dino_ros.ros.conversions.stamps import ns_to_stamp, stamp_to_ns


@pytest.mark.parametrize(
    ("sec", "nanosec", "nanoseconds"),
    [
        (0, 0, 0),
        (0, 999_999_999, 999_999_999),
        (1, 0, 1_000_000_000),
        (1_700_000_000, 123_456_789, 1700000000123456789),
    ],
)
def test_stamps_convert_exactly_both_ways(sec: int, nanosec: int, nanoseconds: int) -> None:
    assert stamp_to_ns(Time(sec=sec, nanosec=nanosec)) == nanoseconds
    assert ns_to_stamp(nanoseconds) == Time(sec=sec, nanosec=nanosec)
