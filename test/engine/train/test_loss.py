# SPDX-License-Identifier: Apache-2.0
"""The choice of heads and InfoNCE, against hand-computed values and a slow second way."""

import math

import pytest
import torch

from talk2dino_ros.engine.train.loss import best_heads, info_nce

SCALE = 1 / 0.07


def values(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def slow_info_nce(texts, images, scale):
    """By the definition, one pair at a time, in Python's floats."""

    def cosine(a, b):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    texts, images = texts.tolist(), images.tolist()
    likeness = [[scale * cosine(text, image) for image in images] for text in texts]
    total = 0.0
    for i in range(len(texts)):
        of_text = math.log(sum(math.exp(value) for value in likeness[i]))
        of_image = math.log(sum(math.exp(row[i]) for row in likeness))
        total += of_text - likeness[i][i] + of_image - likeness[i][i]
    return total / (2 * len(texts))


def test_each_caption_takes_the_head_of_largest_cosine():
    texts = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    heads = torch.tensor([[[9.0, 9.0], [0.1, 0.01]], [[5.0, 4.0], [-0.1, 0.1]]])
    # cosines with (1, 0): 0.71 and 0.995; with (0, 1): 0.62 and 0.71
    assert best_heads(texts, heads).tolist() == [heads[0, 1].tolist(), heads[1, 1].tolist()]


def test_the_chosen_heads_are_those_of_an_exhaustive_search():
    texts, heads = values(7, 5), values(7, 4, 5, seed=1)
    cosine = torch.nn.CosineSimilarity(dim=0)
    expected = [
        max(own, key=lambda head, text=text: cosine(text, head)) for text, own in zip(texts, heads, strict=True)
    ]
    assert torch.equal(best_heads(texts, heads), torch.stack(expected))


def test_the_loss_of_two_pairs_is_as_computed_by_hand():
    """Cosines 1 and 0 in both directions: each of the four terms is log(1 + exp(-scale))."""
    texts = torch.tensor([[3.0, 0.0], [0.0, 0.5]])
    images = torch.tensor([[1.0, 0.0], [0.0, 7.0]])
    assert float(info_nce(texts, images, 2.0)) == pytest.approx(math.log(1 + math.exp(-2)), rel=1e-6)


def test_both_directions_count():
    """Two texts alike: the texts cannot tell the images apart, log 2; the images have log(1+e^-s) and log(1+e^-s)."""
    texts = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    images = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    # rows: (s, 0), (s, 0), own 0 and 1: log(1+e^-s) and log(1+e^s); columns: (s, s), (0, 0): log 2 each
    by_text = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(1))) / 2
    assert float(info_nce(texts, images, 1.0)) == pytest.approx((by_text + math.log(2)) / 2, rel=1e-6)


def test_the_loss_and_its_gradient_are_those_of_the_definition():
    texts, images = values(6, 4).double().requires_grad_(), values(6, 4, seed=1).double()
    loss = info_nce(texts, images, SCALE)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(slow_info_nce(texts, images, SCALE), rel=1e-9)
    step = 1e-6
    moved = texts.detach().clone()
    moved[2, 3] += step
    slope = (slow_info_nce(moved, images, SCALE) - slow_info_nce(texts.detach(), images, SCALE)) / step
    assert float(texts.grad[2, 3]) == pytest.approx(slope, rel=1e-3)
