# SPDX-License-Identifier: Apache-2.0
"""`name >= 0.56: prompt`: how a class's threshold is written, and what is refused."""

import pytest

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.class_entries import ClassEntry, check_background, parse_class


@pytest.mark.parametrize(
    ("text", "entry", "written"),
    [
        ("mug >= 0.56: cup, coffee mug", ClassEntry("mug", ("cup", "coffee mug"), threshold=0.56), None),
        ("mug>=.56", ClassEntry("mug", ("mug",), threshold=0.56), "mug >= 0.56"),
        ("?mug ≥ 0.5: cup", ClassEntry("mug", ("cup",), question=True, threshold=0.5), "?mug >= 0.5: cup"),
        ("mug＞＝０．５６：cup，mug", ClassEntry("mug", ("cup", "mug"), threshold=0.56), "mug >= 0.56: cup, mug"),
        ("mug ≧ 0.561249: cup", ClassEntry("mug", ("cup",), threshold=0.5612), "mug >= 0.5612: cup"),
        ("mug >= 5.6e-1", ClassEntry("mug", ("mug",), threshold=0.56), "mug >= 0.56"),
        ("mug", ClassEntry("mug", ("mug",)), "mug"),
        ("size > small", ClassEntry("size > small", ("size > small",)), "size > small"),
    ],
)
def test_a_threshold_stands_behind_the_name_and_is_written_as_it_is_read(text, entry, written):
    assert parse_class(text) == entry
    assert entry.text == (written or text)
    assert parse_class(entry.text) == entry


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mug >= 0.9", "between 0.27 and 0.73"),  # no cosine is above 1
        ("mug >= 56%", "'56%', expected a score"),
        ("mug >= 0,56", "with a point"),
        ("mug >= 0", "leave out '>='"),
        ("mug >= nan", "'nan'"),
        ("mug >= 1e999", "'1e999'"),
        ("mug >=", "''"),
        ("mug >= 0.5 >= 0.6", "'0.5  >=  0.6'"),
        (">= 0.56", "blank class name"),
        ("!wall >= 0.56", "distractor with a threshold"),
        ("mug: cup, mug >= 0.56", "behind a prompt"),
        ("mug > 0.56", "write '>='"),
        ("mug = 0.56: cup", "write '>='"),
        ("mug <= 0,5", "write '>='"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_remedy(text, says):
    with pytest.raises(VocabularyError) as refused:
        parse_class(text)
    assert says in str(refused.value)


def test_the_background_s_name_has_no_threshold():
    with pytest.raises(VocabularyError, match="without words behind it"):
        check_background("rest >= 0.56", ())
