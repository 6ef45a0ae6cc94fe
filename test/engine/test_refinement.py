# SPDX-License-Identifier: Apache-2.0
"""The oracles are plain loops over pixels and neighbours, written from the formulas."""

import numpy as np
import pytest
import torch

from talk2dino_ros.engine.refinement import clean_background, pamr, pamr_weights

OFFSETS = [(y * d, x * d) for d in (1, 2, 4, 8, 12, 24) for y in (-1, 0, 1) for x in (-1, 0, 1)]


def neighbour(image, y, x, dy, dx):
    """The pixel at an offset, the nearest border pixel where it lies outside."""
    height, width = image.shape[1:]
    return image[:, min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)]


def slow_weights(rgb, y, x):
    samples = np.array([neighbour(rgb, y, x, dy, dx) for dy, dx in OFFSETS])  # 54, the centre six times
    deviation = samples.std(axis=0, ddof=1)
    outer = [(dy, dx) for dy, dx in OFFSETS if (dy, dx) != (0, 0)]
    logits = [
        -np.mean(np.abs(rgb[:, y, x] - neighbour(rgb, y, x, dy, dx)) / (1e-8 + 0.1 * deviation)) for dy, dx in outer
    ]
    powers = np.exp(np.array(logits) - max(logits))
    return outer, powers / powers.sum()


def slow_pamr(rgb, scores, iterations=10):
    height, width = rgb.shape[1:]
    weights = {(y, x): slow_weights(rgb, y, x) for y in range(height) for x in range(width)}
    for _ in range(iterations):
        refined = np.empty_like(scores)
        for (y, x), (outer, shares) in weights.items():
            values = np.array([neighbour(scores, y, x, dy, dx) for dy, dx in outer])
            refined[:, y, x] = shares @ values
        scores = refined
    return scores


@pytest.mark.parametrize("contrast", [1.0, 0.01])
def test_pamr_equals_a_plain_loop(contrast):
    random = np.random.default_rng(3)
    rgb = 0.5 + contrast * (random.random((3, 9, 13)) - 0.5)
    scores = random.random((2, 9, 13))
    refined = pamr(torch.tensor(rgb, dtype=torch.float32), torch.tensor(scores, dtype=torch.float32))
    np.testing.assert_allclose(refined.numpy(), slow_pamr(rgb, scores), atol=2e-5)


def test_pamr_weights_are_shares_of_48_neighbours():
    weights = pamr_weights(torch.rand(3, 6, 5, generator=torch.Generator().manual_seed(0)))
    assert weights.shape == (48, 6, 5)
    assert weights.min() >= 0
    torch.testing.assert_close(weights.sum(dim=0), torch.ones(6, 5))


def test_pamr_on_a_flat_image_averages_all_neighbours_alike():
    weights = pamr_weights(torch.full((3, 4, 4), 0.3))
    torch.testing.assert_close(weights, torch.full((48, 4, 4), 1 / 48))


def test_pamr_keeps_a_score_on_its_side_of_an_edge():
    rgb = torch.zeros(3, 20, 40)
    rgb[:, :, 20:] = 1
    scores = torch.zeros(1, 20, 40)
    scores[:, :, 22:] = 1  # two columns short of the edge
    refined = pamr(rgb, scores)[0]
    assert refined[:, 20:].min() > 0.5
    assert refined[:, :20].max() < 0.5


def test_pamr_does_not_change_its_input():
    scores = torch.rand(2, 5, 5, generator=torch.Generator().manual_seed(1))
    before = scores.clone()
    pamr(torch.rand(3, 5, 5), scores)
    torch.testing.assert_close(scores, before, rtol=0, atol=0)


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
