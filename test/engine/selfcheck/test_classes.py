# SPDX-License-Identifier: Apache-2.0
"""Class vectors made of a picture's own patches tell its patches apart."""

import numpy as np

from talk2dino_ros.engine.selfcheck.classes import STRENGTH, classes_of_picture

SIDE = 12


def quarters(noise=0.1, width=256):
    """Features [D, 12, 12] of four quarters: a common part, one of each quarter, and noise."""
    generator = np.random.default_rng(5)
    own = generator.standard_normal((4, width))
    quarter = np.repeat(np.repeat([[0, 1], [2, 3]], SIDE // 2, axis=0), SIDE // 2, axis=1)
    features = 3 + own[quarter] + noise * generator.standard_normal((SIDE, SIDE, width))
    return features.transpose(2, 0, 1).astype(np.float32), quarter


def test_each_quarter_gets_a_class_of_its_own():
    features, quarter = quarters()
    vocabulary = classes_of_picture(features, 30)
    unit = features / np.linalg.norm(features, axis=0)
    winner = np.einsum("dhw,cd->chw", unit, vocabulary.embeddings).argmax(axis=0)
    seen = [set(winner[quarter == index].tolist()) for index in range(4)]
    assert not set.intersection(seen[0], seen[1]) | set.intersection(seen[2], seen[3])
    assert len(set.union(*seen)) >= 4


def test_classes_are_centres_of_patches_and_robust_to_noise():
    features, quarter = quarters(noise=3)
    vocabulary = classes_of_picture(features, 8)
    winner = np.einsum("dhw,cd->chw", features / np.linalg.norm(features, axis=0), vocabulary.embeddings).argmax(axis=0)
    in_its_main_quarter = sum(np.bincount(quarter[winner == index], minlength=4).max() for index in range(8))
    assert in_its_main_quarter / quarter.size > 0.8  # 0.59 with single patches, 0.25 by chance


def test_vectors_are_unit_and_as_far_from_the_patches_as_words_are():
    features, _ = quarters()
    vectors = classes_of_picture(features, 6).embeddings
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    patches = features.reshape(len(features), -1).T
    differences = patches - patches.mean(axis=0)
    differences /= np.linalg.norm(differences, axis=1, keepdims=True)
    largest = (differences @ vectors.T).max()
    assert STRENGTH - 0.1 < largest < STRENGTH + 0.25


def test_the_same_seed_gives_the_same_classes():
    features, _ = quarters()
    one, other = classes_of_picture(features, 6), classes_of_picture(features, 6)
    np.testing.assert_array_equal(one.embeddings, other.embeddings)
    assert (classes_of_picture(features, 6, seed=1).embeddings != one.embeddings).any()
