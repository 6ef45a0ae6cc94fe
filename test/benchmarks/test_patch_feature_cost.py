# SPDX-License-Identifier: Apache-2.0
"""The cost of a listener to the features, from the rates of turns."""

import pytest

from benchmarks.node.patch_feature_cost import figures, per_second


def test_a_rate_is_that_of_the_intervals() -> None:
    assert per_second([10.0, 10.5, 11.0, 12.0]) == 1.5
    assert per_second([10.0]) == per_second([]) == 0.0


def test_the_cost_is_by_how_much_the_median_turn_with_features_is_below_that_without() -> None:
    without, listened = [(10.0, 0.0), (12.0, 0.0), (8.0, 0.0)], [(9.5, 2.0), (4.0, 2.0), (9.75, 1.75)]
    found = figures(without, listened)
    assert found["cost_percent"] == pytest.approx(5.0)
    assert found["features_per_s"] == [2.0, 2.0, 1.75]
