# SPDX-License-Identifier: Apache-2.0
import pytest

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.class_entries import parse_class
from talk2dino_ros.engine.text.class_syntax import language_warning, split_classes, without_unseen_ends


def test_a_line_is_split_at_semicolons_if_any_else_at_commas():
    assert split_classes("cat, sofa,") == ["cat", "sofa"]
    assert split_classes("door; extinguisher: red bottle, fire bottle") == [
        "door",
        "extinguisher: red bottle, fire bottle",
    ]


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("门，椅子", ["门", "椅子"]),
        ("门、椅子", ["门", "椅子"]),
        ("门；灭火器：红瓶，消防瓶", ["门", "灭火器:红瓶,消防瓶"]),
        ("باب، كرسي", ["باب", "كرسي"]),
        ("باب؛ كرسي", ["باب", "كرسي"]),
        ("门，chair; !wall", ["门,chair", "!wall"]),
    ],
)
def test_separators_of_other_keyboards_separate(text, classes):
    assert split_classes(text) == classes


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\ufeffdoor\u200b", "door"),
        ("\u200b \u2060", ""),
        ("\u115f\u3164\u2800", ""),
        ("می\u200cز", "می\u200cز"),  # a joiner inside of a word is part of its spelling
        ("cafe\u0301 ", "cafe\u0301"),
        ("C++", "C++"),
        ("❤\ufe0f", "❤\ufe0f"),
    ],
)
def test_invisible_characters_are_stripped_from_the_ends_only(text, seen):
    assert without_unseen_ends(text) == seen


@pytest.mark.parametrize("prompt", ["стул", "椅子", "كرسي", "Tür", "καρέκλα"])
def test_a_non_english_word_gets_one_warning(prompt):
    (warning,) = language_warning(["door", prompt])
    assert f"the models know English, and '{prompt}' may find nothing" in warning
    assert "write the English word behind a label" in warning


def test_english_words_get_no_warning():
    assert language_warning(["door", "3/4 inch pipe", "L-shaped desk", "5 µm".replace("µ", "u"), "T-shirt ❤"]) == ()


def test_many_words_are_counted_and_long_ones_cut():
    (warning,) = language_warning(["я" * 900, "б", "в", "г", "д"])
    assert "and 2 more" in warning
    assert len(warning) < 300


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0xD800, 0xDFFF], ids=hex)
def test_no_control_character_is_part_of_a_class(code):
    """A NUL, for one: C ends a text there, so that others would get another class."""
    for text in (f"mu{chr(code)}g", f"mug: red{chr(code)}cup, cup"):
        with pytest.raises(VocabularyError, match=rf"has the control character U\+{code:04X} at position"):
            parse_class(text)
