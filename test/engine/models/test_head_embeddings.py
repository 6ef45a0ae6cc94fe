# SPDX-License-Identifier: Apache-2.0
"""Head embeddings against numbers worked out by hand and against loops."""

import math

import numpy as np
import pytest
import torch

from talk2dino_ros.engine.models.head_embeddings import head_embeddings
from talk2dino_ros.engine.models.vit import ImageFeatures


def seeded(dtype=torch.float32):
    """Features [2, 5, 3, 4] and logits [2, 3, 12]."""
    generator = torch.Generator().manual_seed(5)
    patches = torch.randn(2, 5, 3, 4, generator=generator)
    return ImageFeatures(patches.to(dtype), 3 * torch.randn(2, 3, 12, generator=generator))


def test_head_embeddings_of_two_patches_and_two_heads_are_as_computed_by_hand():
    patches = torch.tensor([[4.0, 8.0], [0.0, -4.0]]).view(1, 2, 1, 2)  # patch 0 is (4, 0), patch 1 is (8, -4)
    logits = torch.tensor([[[0.0, 0.0], [0.0, math.log(3)]]])  # shares 1/2 and 1/2, 1/4 and 3/4
    heads, average = head_embeddings(ImageFeatures(patches, logits))
    np.testing.assert_allclose(heads[0], [[6, -2], [7, -3]], rtol=1e-6)
    np.testing.assert_allclose(average[0], [6, -2])


def test_heads_equal_a_loop_over_images_heads_and_patches():
    features = seeded()
    heads, average = head_embeddings(features)
    assert heads.shape == (2, 3, 5)
    assert average.shape == (2, 5)
    for image, patches in enumerate(features.patch_features.double().numpy()):
        columns = [patches[:, y, x] for y in range(3) for x in range(4)]
        np.testing.assert_allclose(average[image], sum(columns) / 12, atol=1e-6)
        for head, logits in enumerate(features.cls_attention[image].double().numpy()):
            shares = [math.exp(logit) for logit in logits]
            expected = sum(share * column for share, column in zip(shares, columns, strict=True)) / sum(shares)
            np.testing.assert_allclose(heads[image, head], expected, atol=1e-6)


def test_head_embeddings_have_the_direction_of_the_authors_means():
    features = seeded()
    maps = features.cls_attention.softmax(dim=-1)
    tokens = features.patch_features.flatten(2).transpose(1, 2)
    means = (tokens[:, None] * maps[..., None]).mean(dim=2)  # dino_extraction_v2.py's disentangled_self_attn
    heads = head_embeddings(features).heads
    np.testing.assert_allclose(torch.cosine_similarity(heads, means, dim=-1), 1, atol=1e-6)
    np.testing.assert_allclose(heads, 12 * means, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_features_are_averaged_in_float32(dtype):
    features = seeded(dtype)
    heads, average = head_embeddings(features)
    assert heads.dtype == average.dtype == torch.float32
    exact = head_embeddings(features._replace(patch_features=features.patch_features.float()))
    torch.testing.assert_close(heads, exact.heads, rtol=0, atol=1e-6)


def test_large_logits_do_not_overflow():
    features = seeded()
    heads = head_embeddings(features._replace(cls_attention=features.cls_attention * 1000)).heads
    strongest = features.cls_attention.argmax(dim=-1)
    tokens = features.patch_features.flatten(2).transpose(1, 2)
    torch.testing.assert_close(heads[0, 1], tokens[0, strongest[0, 1]])


def test_an_encoder_without_attention_has_no_heads():
    heads, average = head_embeddings(ImageFeatures(seeded().patch_features))
    assert heads.shape == (2, 0, 5)
    assert average.shape == (2, 5)
