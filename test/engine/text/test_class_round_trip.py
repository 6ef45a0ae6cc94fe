# SPDX-License-Identifier: Apache-2.0
"""A class that was read is read as the same one from how it is written: state files and requests rest on it."""

import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st
from steady_examples import steady

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.class_entries import parse_class, parse_classes
from talk2dino_ros.engine.text.class_syntax import split_classes

PIECES = st.sampled_from(["dog", "a", " ", "  ", "!", "?", ":", ",", "\uff0c", "\uff1a", "e\u0301", "\u200b", "\u3000"])
NAMES = st.lists(st.sampled_from(["dog", "a", " ", "e\u0301", "\u3000", "-"]), min_size=1, max_size=4).map("".join)
CLASSES = st.tuples(st.sampled_from(["", "", "!", "?"]), NAMES, st.lists(NAMES, min_size=1, max_size=3)).map(
    lambda parts: f"{parts[0]}{parts[1]}: {','.join(parts[2])}"
)
WORDS = CLASSES | st.lists(PIECES | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join)


@given(WORDS)
@steady
def test_a_class_is_read_again_from_its_text(text):
    try:
        entry = parse_class(text)
    except VocabularyError:
        return
    assert parse_class(entry.text) == entry
    assert parse_class(entry.text).text == entry.text


@given(st.lists(WORDS, max_size=5))
@steady
def test_classes_are_read_again_from_one_line(texts):
    try:
        classes = parse_classes(split_classes("; ".join(texts)))
    except VocabularyError:
        return
    line = "".join(f"{entry.text};" for entry in classes)  # of one class too, whose comma would be a separator else
    assert parse_classes(split_classes(line)) == classes
