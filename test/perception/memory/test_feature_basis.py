# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from talk2dino_ros.perception.memory.feature_basis import FeatureBasis, to_codes, unit_vectors


def units(seed: int, count: int, dimensions: int, rank: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return unit_vectors(random.normal(size=(count, rank)) @ random.normal(size=(rank, dimensions)))[0]


def grown(basis: FeatureBasis, features: np.ndarray, times: int = 30) -> FeatureBasis:
    for _ in range(times):
        basis = basis.grown_for(features)
    return basis


def test_features_of_few_dimensions_keep_all_their_cosines():
    features = units(0, 200, 96, rank=12)
    basis = grown(FeatureBasis.empty(96, most=64), features)
    assert len(basis) == 12
    words = units(1, 5, 96, rank=96)
    kept = basis.coefficients(features) @ basis.coefficients(words).T
    np.testing.assert_allclose(kept, features @ words.T, atol=0.02**0.5 * 0.2)
    assert basis.lost(features).max() < 0.02


def test_the_directions_are_orthonormal_after_many_growths():
    basis = FeatureBasis.empty(96, most=64)
    for seed in range(12):
        basis = basis.grown_for(units(seed, 50, 96, rank=96))
    np.testing.assert_allclose(basis.directions @ basis.directions.T, np.eye(len(basis)), atol=1e-5)


def test_an_object_that_comes_late_gets_a_direction_of_its_own():
    """As a mug's axis of `mini`, which no picture before had."""
    common, late = np.eye(300, dtype=np.float32)[:250], np.eye(300, dtype=np.float32)[299:]
    basis = grown(FeatureBasis.empty(300, most=256), common[:200], times=8)
    assert basis.lost(late) == [1.0]
    basis = basis.grown_for(np.concatenate([common[:200], late]))
    assert basis.lost(late) == pytest.approx([0.0], abs=1e-5)


def test_a_new_basis_begins_with_the_old_and_one_keyframe_fills_at_most_a_quarter():
    basis = FeatureBasis.empty(300, most=200).grown_for(units(0, 100, 300, rank=100))
    assert len(basis) == 50
    more = basis.grown_for(units(1, 100, 300, rank=100))
    assert len(more) == 50 + 37
    assert np.array_equal(more.directions[:50], basis.directions)


def test_one_patch_among_hundreds_keeps_what_is_its_own():
    """As a mug before a wall: of the energy of all it is a thousandth."""
    wall = unit_vectors(np.eye(300)[:1] + np.random.default_rng(0).normal(size=(1000, 300)) * 0.02)[0]
    mug = np.eye(300, dtype=np.float32)[299:]
    basis = FeatureBasis.empty(300).grown_for(np.concatenate([wall, mug]))
    assert basis.lost(mug)[0] < 0.02


def test_where_there_is_little_room_a_keyframe_takes_all_that_it_needs():
    basis = FeatureBasis.empty(300, most=20).grown_for(units(0, 100, 300, rank=8))
    assert len(basis) == 8
    assert len(basis.grown_for(units(1, 100, 300, rank=100))) == 20


def test_a_full_basis_and_one_that_is_enough_stay_as_they_are():
    full = FeatureBasis(np.eye(4, dtype=np.float32)[:2], most=2)
    assert full.grown_for(np.eye(4, dtype=np.float32)) is full
    enough = FeatureBasis(np.eye(4, dtype=np.float32)[:2], most=4)
    assert enough.grown_for(np.eye(4, dtype=np.float32)[:2]) is enough


def test_a_basis_never_has_more_directions_than_the_features():
    assert FeatureBasis.empty(8, most=256).most == 8


def test_quantised_features_are_within_half_a_step():
    coefficients = np.array([[127.0, -64.2, 0.4], [0.0, 0.0, 0.0], [0.001, -0.002, 0.0]], np.float32)
    codes, scales = to_codes(coefficients)
    assert codes[0].tolist() == [127, -64, 0]
    assert codes[1].tolist() == [0, 0, 0]
    assert scales.tolist() == pytest.approx([1.0, 0.0, 0.002 / 127])
    assert (np.abs(codes * scales[:, None] - coefficients) <= scales[:, None] / 2 + 1e-7).all()


def test_a_zero_vector_stays_zero_and_is_reported():
    vectors, good = unit_vectors(np.array([[3.0, 4.0], [0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]]))
    assert good.tolist() == [True, False, False, False]
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0, 0], [0, 0], [0, 0]])
