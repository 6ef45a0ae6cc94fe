# SPDX-License-Identifier: Apache-2.0
"""Read what Linux says of the CPU."""

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def cpuinfo(field: str) -> list[str]:
    """Return a field's values, one a core; none where the system or the kind of CPU has no such field."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    return [line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == field]


def cpu_model() -> str:
    """Return the CPU's name, as far as it has one."""
    return next(iter(cpuinfo("model name")), platform.processor() or platform.machine())
