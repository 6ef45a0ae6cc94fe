# SPDX-License-Identifier: Apache-2.0
"""Text on terminals that do not know all letters, of files whose names are no text."""

import io
import sys


def show_any_text() -> None:
    """Let printing write `\\xe9` for what the terminal's encoding lacks, where it would end the process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def printable(name: str) -> str:
    """Return a file's name as text that UTF-8 can hold."""
    return name.encode(errors="backslashreplace").decode()
