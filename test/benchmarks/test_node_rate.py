# SPDX-License-Identifier: Apache-2.0
"""How much of the engine's rate comes through the node, from the rates of turns."""

from benchmarks.node.node_rate import figures, per_second


def test_a_rate_is_that_of_the_intervals() -> None:
    assert per_second([10.0, 10.5, 11.0, 12.0]) == 1.5
    assert per_second([10.0]) == per_second([]) == 0.0


def test_each_turn_of_the_node_is_held_against_the_engine_s_turn_before_it() -> None:
    found = figures([10.0, 5.0, 8.0], [9.0, 4.0, 8.0])  # a machine that was half as fast for a while
    assert (found["share"], found["holds"]) == (0.9, True)
    assert found["shares"] == [0.9, 0.8, 1.0]
    assert (found["engine_median_per_s"], found["node_median_per_s"]) == (8.0, 8.0)
    assert not figures([10.0], [7.9])["holds"]
