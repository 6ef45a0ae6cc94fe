# SPDX-License-Identifier: Apache-2.0
"""What viewers cost the segmenter, from the rates of turns."""

from benchmarks.node.page_viewers import Turn, figures


def test_each_turn_with_viewers_is_held_against_its_own_without() -> None:
    """On a machine that was half as fast for a while."""
    masks = {0: (10.0, 5.0, 8.0), 1: (9.0, 5.0, 8.0), 50: (8.0, 4.5, 8.0)}
    turns = [
        Turn(count, rates[number], count / 5, count / 100 + number / 1000, 0.0)
        for number in range(3)
        for count, rates in masks.items()
    ]
    found = figures(turns)["viewers"]
    assert [row["count"] for row in found] == [0, 1, 50]
    assert [row["share_of_masks"] for row in found] == [1.0, 1.0, 0.9]
    assert [row["pictures_per_s_of_a_viewer"] for row in found] == [0.0, 0.2, 10.0]
    assert [row["page_processor_s_per_s"] for row in found] == [0.001, 0.011, 0.501]
    assert (found[2]["turns"], found[2]["shares"]) == ([8.0, 4.5, 8.0], [0.8, 0.9, 1.0])
