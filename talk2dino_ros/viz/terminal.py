# SPDX-License-Identifier: Apache-2.0
"""Text on terminals that do not know all letters, of files whose names are no text."""

import io
import sys

from talk2dino_ros.engine.text.safe_text import safe_text


def show_any_text() -> None:
    """Let printing write `\\xe9` for what the terminal's encoding lacks, where it would end the process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def printable(name: str) -> str:
    """Return a text of any origin, such as a file's name, as one line that no terminal acts on."""
    return safe_text(name)
