# SPDX-License-Identifier: Apache-2.0
"""How much memory this process holds, and how much the machine has left; None where Linux's /proc is not there. Pure.

What it holds is anonymous memory, in RAM or swapped out: a leak is there. Resident memory as a whole also has the pages
of files and of DDS's shared memory, which are touched one after the other, and can be given back.
"""

from __future__ import annotations

import re
from pathlib import Path

PROC = Path("/proc")


def own_bytes(proc: Path = PROC) -> int | None:
    """Return the bytes that this process holds."""
    status = _kilobytes(proc / "self" / "status", "RssAnon", "VmSwap")
    return None if status is None else sum(status)


def available_bytes(proc: Path = PROC) -> int | None:
    """Return the bytes that the machine can still give."""
    available = _kilobytes(proc / "meminfo", "MemAvailable")
    return None if available is None else available[0]


def _kilobytes(path: Path, *names: str) -> list[int] | None:
    """Return the lines of these names in bytes; None where one is missing."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = [re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE) for name in names]
    return [int(match[1]) * 1024 for match in found if match] if all(found) else None
