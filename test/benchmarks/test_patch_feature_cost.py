# SPDX-License-Identifier: Apache-2.0
"""The cost of a listener to the features, from the rates and processor times of turns."""

import os
import time

import pytest

from benchmarks.node.patch_feature_cost import Turn, figures, per_second, processor_s


def test_a_rate_is_that_of_the_intervals() -> None:
    assert per_second([10.0, 10.5, 11.0, 12.0]) == 1.5
    assert per_second([10.0]) == per_second([]) == 0.0


def test_the_cost_is_by_how_much_the_median_turn_with_features_is_below_that_without() -> None:
    without = [Turn(10.0, 0.0, 100.0), Turn(12.0, 0.0, 90.0), Turn(8.0, 0.0, 150.0)]
    listened = [Turn(9.5, 2.0, 103.0), Turn(4.0, 2.0, 160.0), Turn(9.75, 1.75, 99.0)]
    found = figures(without, listened)
    assert found["cost_percent"] == pytest.approx(5.0)
    assert found["cpu_cost_percent"] == pytest.approx(3.0)
    assert found["features_per_s"] == [2.0, 2.0, 1.75]


def test_processor_time_is_that_of_the_process() -> None:
    before_s, began_s = processor_s(os.getpid()), time.process_time()
    while time.process_time() - began_s < 0.1:
        pass
    assert processor_s(os.getpid()) - before_s == pytest.approx(0.1, abs=0.05)
