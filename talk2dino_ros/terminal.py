# SPDX-License-Identifier: Apache-2.0
"""Text on terminals that do not know all letters, of files whose names are no text."""

import io
import sys
from pathlib import Path


def show_any_text() -> None:
    """Let printing write `\\xe9` for what the terminal's encoding lacks, where it would end the process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def printable(path: Path) -> str:
    """Return a file's name as text that every UTF-8 can hold."""
    return path.name.encode(errors="backslashreplace").decode()
