# SPDX-License-Identifier: Apache-2.0
"""The oracle is a plain loop over heads, classes and patches, written from the formula."""

import numpy as np
import torch

from talk2dino_ros.engine.inference.background_cleaning import clean_background


def slow_cleaning(scores, features, attention, embeddings):
    """Per class: softmax over heads of text . head, heads averaged, softmax over patches, stretched."""
    classes, (heads, patches) = len(embeddings), attention.shape
    head_vectors = []
    for head in range(heads):
        mean = sum(attention[head, p] * features[:, p] for p in range(patches)) / patches
        head_vectors.append(mean / np.linalg.norm(mean))
    maps = np.empty((classes, patches))
    for c in range(classes):
        powers = np.exp([embeddings[c] @ vector for vector in head_vectors])
        mixed = sum(share * attention[head] for head, share in enumerate(powers / powers.sum()))
        maps[c] = np.exp(mixed) / np.exp(mixed).sum()
    low, high = maps.min(), maps.max()
    stretched = (maps - low) / high * (scores.max() - scores.min()) + scores.min()
    return (scores + 0.2 * stretched.reshape(scores.shape)) / 1.2


def test_background_cleaning_equals_the_formula_in_plain_loops():
    random = np.random.default_rng(5)
    scores, features = random.random((3, 2, 4)), random.normal(size=(6, 2, 4))
    attention, embeddings = random.normal(size=(5, 8)), random.normal(size=(3, 6))
    cleaned = clean_background(
        *(torch.tensor(a, dtype=torch.float32) for a in (scores, features, attention, embeddings))
    )
    expected = slow_cleaning(scores, features.reshape(6, 8), attention, embeddings)
    np.testing.assert_allclose(cleaned.numpy(), expected, atol=1e-5)
