# SPDX-License-Identifier: Apache-2.0
"""The pairing against all pairings there are, and the gains against numbers a person can work out."""

from itertools import permutations

import numpy as np
import pytest

from talk2dino_ros.perception.tracking.association import best_pairs, overlap_gains, position_gains


def greatest_sum(gains):
    """The oracle: of every way to give each row of a square, filled up with zeros, a column of its own."""
    size = max(gains.shape)
    square = np.zeros((size, size))
    square[: gains.shape[0], : gains.shape[1]] = gains
    return max(sum(square[row, column] for row, column in enumerate(order)) for order in permutations(range(size)))


@pytest.mark.parametrize("seed", range(150))
def test_the_pairing_has_the_greatest_sum_of_all_pairings(seed):
    rng = np.random.default_rng(seed)
    gains = rng.random(rng.integers(0, 6, 2)) * (rng.random() < 0.5 or 1)
    gains[rng.random(gains.shape) < rng.random()] = 0.0  # most detections are far from most objects
    if seed % 3 == 0:
        gains = np.round(gains, 1)  # ties
    pairs = best_pairs(gains)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(gains[pair] > 0 for pair in pairs)
    assert sum(gains[pair] for pair in pairs) == pytest.approx(greatest_sum(gains) if gains.size else 0.0)


def test_random_assignments_equal_scipys():
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy is an oracle of the tests alone")
    for seed, shape in enumerate([(200, 200), (200, 90), (30, 150)]):
        rng = np.random.default_rng(seed)
        gains = position_gains(rng.random((shape[0], 3)), rng.random((shape[1], 3)), 0.6)
        rows, columns = optimize.linear_sum_assignment(gains, maximize=True)
        assert sum(gains[pair] for pair in best_pairs(gains)) == pytest.approx(gains[rows, columns].sum())


def test_the_best_assignment_is_not_greedy_nearest_first():
    gains = np.array([[0.9, 0.8], [0.7, 0.0]])  # nearest first: 0.9 and nothing for the other
    assert best_pairs(gains) == [(0, 1), (1, 0)]


def test_more_detections_than_matching_tracks_are_assigned():
    gains = np.zeros((3, 5))
    gains[:, 1], gains[2, 4] = [0.1, 0.3, 0.2], 0.1
    assert best_pairs(gains) == [(1, 1), (2, 4)]


def test_a_position_gains_by_the_square_of_its_distance():
    here, there = np.array([[0.0, 0, 0], [np.nan] * 3]), np.array([[0.3, 0, 0.4], [0, 0, 0], [0, 2, 0], [np.nan] * 3])
    np.testing.assert_allclose(position_gains(here, there, 1.0), [[0.75, 1, 0, 0], [0, 0, 0, 0]])


def test_a_row_of_objects_that_all_moved_along_it_keeps_its_order():
    before = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    pairs = best_pairs(position_gains(before + np.array([0.7, 0, 0]), before, 3.0))
    assert pairs == [(0, 0), (1, 1), (2, 2)]  # by plain distances, 0 -> 1, 1 -> 2, 2 -> 0 costs as little


def test_boxes_gain_by_their_intersection_over_union():
    box = np.array([[10.0, 20, 30, 40]])
    others = np.array([[10.0, 20, 30, 40], [25, 20, 30, 40], [40, 20, 30, 40], [0, 0, 0, 0], [10, 40, 30, 20]])
    # a half shifted out: 600 of 1800 shared, 1/3; beside it: nothing; a half of it: 1/2
    expected = [1, 1 - (2 / 3 / 0.8) ** 2, 0, 0, 1 - (1 / 2 / 0.8) ** 2]
    np.testing.assert_allclose(overlap_gains(box, others, 0.2)[0], expected)
    assert overlap_gains(box, others[1:2], 0.34)[0, 0] == 0  # 1/3 is below
