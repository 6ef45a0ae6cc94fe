# SPDX-License-Identifier: Apache-2.0
"""No text of a sender acts on a log or a terminal: newlines, ANSI's escapes and turned directions are written out."""

import pytest

from talk2dino_ros.engine.errors import ImageError, Talk2DinoError
from talk2dino_ros.engine.text.safe_text import LONGEST, safe_lines, safe_text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("rgb8\n[ERROR] all is lost", r"rgb8\n[ERROR] all is lost"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("\r\t\x00\x7f\x9b", r"\r\t\x00\x7f\x9b"),
        ("\u2028\u2029\u2066\u2069\u200f\ud800", r"\u2028\u2029\u2066\u2069\u200f\ud800"),
        ("a\u200bb\ufeff\xad\u2060\U000e0041", r"a\u200bb\ufeff\xad\u2060\U000e0041"),  # what nobody sees
        (
            "Tür 門 🚪 \u0645\u06cc\u200c\u062e",
            "Tür 門 🚪 \u0645\u06cc\u200c\u062e",
        ),  # words stay
    ],
)
def test_what_acts_on_a_terminal_is_written_out_and_words_stay(raw, shown):
    assert safe_text(raw) == shown
    assert str(ImageError(f"the encoding is {raw}")) == f"the encoding is {shown}"


def test_a_text_is_bounded():
    assert safe_text("x" * 10, longest=5) == "xxx…x"
    assert len(str(Talk2DinoError("x" * 10**6))) == len(str(Talk2DinoError("\x1b" * 10**6))) == LONGEST


@pytest.mark.parametrize("mark", ["x", "\x1b", "\u202e", "\U000e0041", "é"])
def test_a_long_value_costs_a_sentence_its_middle_and_not_what_is_to_be_done(mark):
    shown = str(ImageError(f"the encoding is {mark * 10**6}, expected one of rgb8, mono8; set the driver so"))
    assert shown.startswith("the encoding is ")
    assert shown.endswith(", expected one of rgb8, mono8; set the driver so")
    assert len(shown) <= LONGEST


def test_details_of_an_error_stand_below_it_and_none_can_look_like_a_line_of_its_own():
    assert str(ImageError("2 files were skipped:", "a\nb: no picture", "c")) == (
        "2 files were skipped:\n  a\\nb: no picture\n  c"
    )


def test_a_traceback_keeps_its_lines_and_none_begins_like_a_new_one():
    assert safe_lines("a\n[ERROR] b\x1b", 100) == "a\n  [ERROR] b\\x1b"
    assert safe_lines("a\nb" * 100, 4) == "a\n…b"
