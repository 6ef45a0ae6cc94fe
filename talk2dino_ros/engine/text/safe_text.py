# SPDX-License-Identifier: Apache-2.0
"""Texts of any origin in a sentence: one line, no control of a terminal, no turned reading direction, bounded.

Standard library only.
"""

import re

LONGEST = 4000  # characters of one sentence
# C0 and C1 controls (newline, ANSI's escape), line separators, marks that turn the reading direction, half characters
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def safe_text(text: str, longest: int = LONGEST) -> str:
    r"""Return a text in which what could act on a terminal or a log is written out, as in `\x1b` and `\u202e`."""
    shown = _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def safe_lines(text: str, longest: int) -> str:
    """Return a text of several lines, such as a traceback; all but the first are indented, so that none looks new."""
    shown = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return "\n  ".join(map(safe_text, shown.split("\n")))
