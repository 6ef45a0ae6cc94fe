# SPDX-License-Identifier: Apache-2.0
"""What viewers cost the segmenter, from the rates of turns."""

from benchmarks.node.page_viewers import figures


def test_each_turn_with_viewers_is_held_against_its_own_without() -> None:
    masks = {
        0: [10.0, 5.0, 8.0],
        1: [9.0, 5.0, 8.0],
        50: [8.0, 4.5, 8.0],
    }  # a machine that was half as fast for a while
    found = figures(masks, {0: [], 1: [4.0, 6.0, 5.0], 50: [1.0, 2.0, 3.0, 2.0]})["viewers"]
    assert [row["count"] for row in found] == [0, 1, 50]
    assert [row["share_of_masks"] for row in found] == [1.0, 1.0, 0.9]
    assert [row["pictures_per_s_of_a_viewer"] for row in found] == [0.0, 5.0, 2.0]
    assert found[2]["turns"] == [8.0, 4.5, 8.0]
