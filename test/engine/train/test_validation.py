# SPDX-License-Identifier: Apache-2.0
"""Validation loss and recall, by hand and against a second way."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from training_features import learnable_features, small_recipe

from talk2dino_ros.engine.train.loss import best_heads, info_nce
from talk2dino_ros.engine.train.pairs import Pairs
from talk2dino_ros.engine.train.validation import evenly_spread, recall, validate, wrong_ahead

RECIPE = small_recipe(batch=1000, validation_images=1000)


def slow_rank(likeness, own):
    """How many wrong columns are at least as like a row as its best own one."""
    ranks = []
    for row, mine in zip(likeness.tolist(), own.tolist(), strict=True):
        best = max(value for value, is_own in zip(row, mine, strict=True) if is_own)
        ranks.append(sum(value >= best for value, is_own in zip(row, mine, strict=True) if not is_own))
    return ranks


def test_recall_is_as_computed_by_hand():
    likeness = torch.tensor([[0.9, 0.1, 0.2], [0.5, 0.4, 0.6], [0.3, 0.3, 0.1]])
    own = torch.eye(3, dtype=torch.bool)
    # ranks of the own column: first, last, last
    assert [recall(wrong_ahead(likeness, own), count) for count in (1, 2, 3)] == pytest.approx([1 / 3, 1 / 3, 1.0])


def test_a_projection_that_makes_all_alike_finds_nothing():
    own = torch.eye(4, dtype=torch.bool)
    assert recall(wrong_ahead(torch.ones(4, 4), own), 1) == 0.0


def test_an_image_is_found_by_any_of_its_captions():
    likeness = torch.tensor([[0.1, 0.9, 0.5]])
    own = torch.tensor([[True, True, False]])
    assert recall(wrong_ahead(likeness, own), 1) == 1.0


@pytest.mark.parametrize("values_at_once", [1, 30 * 2 * 7, 2**24])  # a caption at once, seven, all
def test_recall_equals_a_count_by_a_plain_loop(values_at_once, monkeypatch):
    monkeypatch.setattr("talk2dino_ros.engine.train.validation._VALUES_AT_ONCE", values_at_once)
    pairs = Pairs.of(learnable_features(heads=2), "max_score")
    generator = torch.Generator().manual_seed(5)
    weight = torch.randn(6, 10, generator=generator)
    figures = validate(lambda text: text @ weight, pairs, RECIPE)
    projected = pairs.text.float() @ weight
    cosine = torch.nn.CosineSimilarity(dim=-1)
    likeness = torch.stack(
        [torch.stack([cosine(text, heads.float()).max() for heads in pairs.images]) for text in projected]
    )
    own = pairs.image_of_text[:, None] == torch.arange(len(pairs.images))
    by_text, by_image = slow_rank(likeness, own), slow_rank(likeness.T, own.T)
    assert figures.text_to_image_1 == pytest.approx(sum(rank < 1 for rank in by_text) / 60)
    assert figures.text_to_image_5 == pytest.approx(sum(rank < 5 for rank in by_text) / 60)
    assert figures.image_to_text_1 == pytest.approx(sum(rank < 1 for rank in by_image) / 30)
    assert figures.image_to_text_5 == pytest.approx(sum(rank < 5 for rank in by_image) / 30)
    chosen = best_heads(projected, pairs.images[pairs.image_of_text].float())
    assert figures.loss == pytest.approx(float(info_nce(projected, chosen, RECIPE.logit_scale)), rel=1e-5)


def test_memory_does_not_grow_with_the_square_of_the_split(monkeypatch):
    monkeypatch.setattr("talk2dino_ros.engine.train.validation._VALUES_AT_ONCE", 10_000)
    largest = 0

    class Sizes(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            made = function(*args, **(kwargs or {}))
            if isinstance(made, torch.Tensor):
                largest = max(largest, made.numel())
            return made

    pairs = Pairs.of(learnable_features(images=500, captions=2, heads=1), "max_score")
    recipe = small_recipe(batch=10, validation_images=500)
    with Sizes():
        validate(lambda text: text @ torch.ones(6, 10), pairs, recipe)
    assert largest <= 2 * 10_000  # all captions by all images are 500,000


def test_a_few_images_are_taken_evenly_with_all_of_their_captions():
    some = evenly_spread(Pairs.of(learnable_features(images=10, captions=3), "max_score"), 5)
    whole = learnable_features(images=10, captions=3)
    assert torch.equal(some.images, whole.heads[[0, 2, 4, 6, 8]])
    assert some.image_of_text.tolist() == [row for row in range(5) for _ in range(3)]
    assert torch.equal(some.text[3:6], whole.text[6:9])


def test_the_loss_is_weighted_by_captions_where_the_last_batch_is_smaller():
    pairs = Pairs.of(learnable_features(images=5, captions=1), "max_score")
    recipe = small_recipe(batch=3)
    order = torch.from_numpy(np.random.default_rng(recipe.seed).permutation(5))

    def of_rows(rows):
        text, heads = pairs.take(rows)
        return float(info_nce(text @ weight, best_heads(text @ weight, heads), recipe.logit_scale))

    weight = torch.randn(6, 10, generator=torch.Generator().manual_seed(5))
    expected = (3 * of_rows(order[:3]) + 2 * of_rows(order[3:])) / 5
    assert validate(lambda text: text @ weight, pairs, recipe).loss == pytest.approx(expected, rel=1e-6)
