# SPDX-License-Identifier: Apache-2.0
"""Texts of any origin in a sentence: one line, no control of a terminal, no turned reading direction, bounded.

Standard library only.
"""

import re

LONGEST = 4000  # characters of one sentence
# C0 and C1 controls (newline, ANSI's escape), line separators, marks that turn the reading direction, half characters,
# and what nobody sees: spaces without a width, Unicode's tags. The joiners of Persian and of emojis stay.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def safe_text(text: str, longest: int = LONGEST) -> str:
    r"""Return a text in which what could act on a terminal or a log is written out, as in `\x1b` and `\u202e`."""
    return _shortened(_UNSAFE.sub(_written_out, _shortened(text, longest)), longest)


def safe_lines(text: str, longest: int) -> str:
    """Return a text of several lines, such as a traceback; all but the first are indented, so that none looks new."""
    return _shortened("\n  ".join(map(safe_text, _shortened(text, longest).split("\n"))), longest)


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _shortened(text: str, longest: int) -> str:
    """Leave out the middle of a text that is too long: a sentence's end says what to do, a traceback's what it is."""
    end = longest // 4
    return text if len(text) <= longest else f"{text[: longest - 1 - end]}…{text[len(text) - end :]}"
