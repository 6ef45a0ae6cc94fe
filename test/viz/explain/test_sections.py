# SPDX-License-Identifier: Apache-2.0
"""The parts, drawn from an explanation written by hand."""

import numpy as np
import pytest

from talk2dino_ros.viz.explain.sections import WIDTH, sections, sheet
from talk2dino_ros.viz.overlay import color_of

YELLOW = (253, 231, 36)


def has(picture, colour):
    return (np.abs(picture.astype(int) - colour) <= 1).all(axis=2)


@pytest.mark.parametrize(
    ("names", "size", "heads"),
    [
        (("cat",), (60, 90), 0),
        (("cat", "sofa", "!wall"), (90, 30), 12),
        (tuple("abcdefgh"), (64, 64), 24),
        (("cat", "sofa"), (3, 200), 4),
    ],
)
def test_every_part_has_the_width_whatever_the_photograph(make, names, size, heads):
    parts = sections(make(names, size, heads, cleaned=bool(heads)))
    assert list(parts) == ["image", "heads", "words", "decision"]
    assert {part.shape[1] for part in parts.values()} == {WIDTH}
    assert all(part.dtype == np.uint8 for part in parts.values())


def test_the_sheet_is_all_parts_below_one_another(explanation):
    np.testing.assert_array_equal(sheet(explanation), np.vstack(list(sections(explanation).values())))


def test_without_heads_the_part_is_a_sentence(make):
    with_heads, without = (sections(make(heads=heads))["heads"] for heads in (3, 0))
    assert len(without) < len(with_heads) / 2


def test_each_words_best_head_has_a_frame_of_its_colour(make):
    part = sections(make(("cat", "sofa"), heads=2))["heads"]
    top, middle = part[: len(part) // 2], 30 + 480 + 6  # a map of 320 x 480 on either side
    left, right = top[:, :middle], top[:, middle:]
    assert has(left, color_of(1)).sum() > 1000 > has(left, color_of(2)).sum()
    assert has(right, color_of(2)).sum() > 1000 > has(right, color_of(1)).sum()


def test_two_words_of_one_head_both_have_a_frame(make):
    part = sections(make(("cat", "sofa"), heads=1))["heads"]
    top = part[: len(part) // 2]
    assert has(top, color_of(1)).sum() > 1000
    assert has(top, color_of(2)).sum() > 1000


def test_without_a_fit_the_heads_have_maps_and_no_frame_and_no_table(make):
    with_fit, without = (sections(make(("cat", "sofa"), heads=2, has_fit=fit))["heads"] for fit in (True, False))
    assert not any(has(without, color_of(number)).any() for number in (1, 2))
    assert 500 < len(without) < len(with_fit) - 150  # the maps are 480 high


def test_the_words_share_one_scale(explanation):
    """The largest of all scores is the last word's: no other has the scale's last colour."""
    part = sections(explanation)["words"][:, : WIDTH * 7 // 8]  # without the bar
    rows = np.flatnonzero(has(part, YELLOW).any(axis=1))
    assert rows.min() > len(part) * 2 // 3


def test_cleaning_is_a_column_of_its_own(make):
    """Four maps side by side are smaller than three."""
    three, four = (sections(make(cleaned=cleaned))["words"] for cleaned in (False, True))
    assert len(four) < len(three)


def test_the_patch_features_are_shown_as_they_are(explanation):
    part = sections(explanation)["image"]
    for colour in np.rint(255 * explanation.patch_colours).reshape(-1, 3):
        assert has(part, colour).sum() > 1000


def test_the_close_ups_show_first_what_is_without_pamr_and_then_what_is_with_it(explanation):
    """PAMR alone labels the box: without it the close-up is grey, and all else at the right is, too."""
    right = sections(explanation)["decision"][:, WIDTH * 7 // 10 :]
    coloured = np.flatnonzero((np.ptp(right, axis=2) > 40).mean(axis=1) > 0.5)
    assert coloured.min() > len(right) // 2
    assert len(coloured) > len(right) // 4


def test_without_a_threshold_none_is_marked(explanation, changed):
    with_it = sections(explanation)
    for background in (None, 0.0):
        without = sections(changed(explanation, background=background))
        assert (with_it["words"] != without["words"]).any()
        assert (with_it["decision"] != without["decision"]).any()
