# SPDX-License-Identifier: Apache-2.0
"""Stamps as text and back, in UTC."""

from datetime import datetime, timedelta, timezone

_BEGIN = datetime(1970, 1, 1, tzinfo=timezone.utc)


def time_text(stamp_ns: int) -> str:
    """Return a stamp in ns as text by ISO 8601, to the second; a simulation's time stands in 1970."""
    return (_BEGIN + timedelta(seconds=stamp_ns // 10**9)).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_of(text: str) -> int:
    """Return the stamp in ns of a time by ISO 8601, UTC where it names no zone, or of seconds since 1970.

    Raises ValueError, for argparse.
    """
    try:
        return round(float(text) * 1e9)
    except (ValueError, OverflowError):
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    return (time - _BEGIN) // timedelta(microseconds=1) * 1000
