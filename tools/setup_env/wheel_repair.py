# SPDX-License-Identifier: Apache-2.0
"""Mend what the ROS 2 wheels carry over from the machine that built them.

Their CMake files name that machine's Python and NumPy headers (/opt/python/cp3XX-cp3XX/…), which exist nowhere else;
without the repair no interface package builds. Fast DDS's files also name a library in its /usr/lib64 to link with,
which the wheels hold themselves; without the repair nothing in C++ links with Kilted's messages.
"""

from __future__ import annotations

import re
from pathlib import Path

PYTHON_HEADERS = re.compile(r"/opt/python/cp3\d+-cp3\d+t?/include/python3\.\d+t?")
NUMPY_HEADERS = re.compile(r"/opt/python/cp3\d+-cp3\d+t?/lib/python3\.\d+t?/site-packages/numpy/_?core/include")
ITS_LIBRARIES = re.compile(r"(?<=;)/usr/lib64/lib[^;/\"]+\.so;")


def repair_cmake_files(prefix: Path, python_headers: str, numpy_headers: str) -> int:
    """Point the CMake files below `prefix`/share at these folders, and at no other; return how many files changed."""
    return sum(repair(file, python_headers, numpy_headers) for file in prefix.glob("share/*/cmake/*.cmake"))


def repair(file: Path, python_headers: str, numpy_headers: str) -> bool:
    """Mend one file; return whether it needed it."""
    before = file.read_text()
    after = NUMPY_HEADERS.sub(lambda _: numpy_headers, before)
    after = PYTHON_HEADERS.sub(lambda _: python_headers, after)
    after = ITS_LIBRARIES.sub("", after)
    if after != before:
        file.write_text(after)
    return after != before
