# SPDX-License-Identifier: Apache-2.0
"""Stamps as text and back, in UTC."""

from argparse import ArgumentTypeError
from datetime import datetime, timedelta, timezone

_BEGIN = datetime(1970, 1, 1, tzinfo=timezone.utc)


def time_text(stamp_ns: int) -> str:
    """Return a stamp in ns as text by ISO 8601, to the second; a simulation's time stands in 1970."""
    return (_BEGIN + timedelta(seconds=stamp_ns // 10**9)).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_of(text: str) -> int:
    """Return the stamp in ns of a time by ISO 8601, UTC where it names no zone, or of seconds since 1970.

    Raises ArgumentTypeError, for argparse.
    """
    try:
        return round(float(text) * 1e9)
    except (ValueError, OverflowError):
        time = _time_of(text)
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    return (time - _BEGIN) // timedelta(microseconds=1) * 1000


def _time_of(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise ArgumentTypeError(
            f"{text!r} is no time, expected one such as 2026-11-26T08:00 (UTC), or seconds since 1970; write it so"
        ) from error
