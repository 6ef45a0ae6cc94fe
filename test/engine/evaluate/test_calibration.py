# SPDX-License-Identifier: Apache-2.0
"""Thresholds by counting pictures, and bounds against SciPy and against draws."""

import numpy as np
import pytest

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.evaluate.calibration import LARGEST, calibrate_class, highest_share, pictures_needed
from talk2dino_ros.engine.text.class_entries import parse_class

MUG = parse_class("mug >= 0.7: cup")


@pytest.mark.parametrize(("count", "total"), [(0, 1), (0, 10), (0, 299), (1, 11), (3, 40), (40, 41), (5, 5), (0, 0)])
def test_bounds_are_those_of_clopper_and_pearson(count, total):
    beta = pytest.importorskip("scipy.stats").beta
    expected = 1.0 if count == total else beta.ppf(0.95, count + 1, total - count)
    assert highest_share(count, total) == pytest.approx(expected, abs=1e-9)


def test_the_rule_of_three():
    assert pictures_needed(0.01) == 299  # 0.99^299 = 0.0495, 0.99^298 = 0.0500
    assert pictures_needed(0.1) == 29
    assert highest_share(0, 299) <= 0.01 < highest_share(0, 298)


@pytest.mark.parametrize(
    ("rate", "threshold", "alarms"),
    [
        (0.01, 0.5679, 0),  # above all of them
        (0.25, 0.5601, 1),
        (0.5, 0.5501, 2),
        (0.99, 0.5101, 3),  # four would be all
    ],
)
def test_the_threshold_is_just_above_the_first_picture_that_is_one_too_many(rate, threshold, alarms):
    found = calibrate_class(MUG, [0.55, 0.51, 0.56781, 0.56], [0.56, 0.6, 0.0], rate, None)
    assert (found.entry.text, found.alarms) == (f"mug >= {threshold:g}: cup", alarms)
    assert found.found == sum(peak >= threshold for peak in (0.56, 0.6))
    assert list(found.lacking) == [0.51, 0.55, 0.56, 0.56781]


def test_no_threshold_is_below_the_common_one_or_above_every_score():
    low, high = (calibrate_class(MUG, peaks, [], 0.01, 0.55) for peaks in ([0.51, 0.0], [0.7310585, 0.6]))
    assert (low.entry.threshold, high.entry.threshold) == (0.55, LARGEST)
    assert (low.alarms, high.alarms) == (0, 1)
    assert parse_class(high.entry.text) == high.entry


def test_what_never_wins_needs_no_threshold_and_a_question_stays_one():
    found = calibrate_class(parse_class("?mug"), [0.0, 0.0], [0.6], 0.01, None)
    assert (found.entry.text, found.alarms, found.found) == ("?mug", 0, 1)
    assert found.most_alarms == pytest.approx(1 - 0.05**0.5)
    assert found.least_found == pytest.approx(0.05)


def test_without_a_picture_that_lacks_it_nothing_is_proposed():
    with pytest.raises(VocabularyError, match="no picture lacks 'mug'"):
        calibrate_class(MUG, [], [0.6], 0.01, None)


@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_the_bound_holds_in_95_of_100_draws_though_the_threshold_is_chosen_by_the_same_pictures(rate):
    drawn, held = np.random.default_rng(5), 0
    for _ in range(400):
        found = calibrate_class(MUG, drawn.uniform(0.5, 0.7, 60), [], rate, None)
        held += (0.7 - found.entry.threshold) / 0.2 <= found.most_alarms  # the true share is known here
    assert 0.92 <= held / 400 <= 1.0
