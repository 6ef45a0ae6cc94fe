# SPDX-License-Identifier: Apache-2.0
"""Against timm's own resizing in every call."""

import pytest
import timm
import torch

from talk2dino_ros.engine.fixed_size import at_size
from talk2dino_ros.engine.image_encoder import DinoImageEncoder


@pytest.fixture
def network(seed):
    vit = timm.create_model(
        "vit_small_patch14_reg4_dinov2", depth=2, num_classes=0, img_size=112, dynamic_img_size=True
    )
    seed(vit)
    return vit


@pytest.mark.parametrize("size", [(112, 112), (70, 98), (140, 126)])
def test_a_fixed_size_gives_what_timm_gives_when_it_resizes_for_every_image(network, size):
    images = torch.rand(2, 3, *size)
    expected = network.forward_features(images)
    torch.testing.assert_close(at_size(network, size).forward_features(images), expected, rtol=0, atol=0)
    torch.testing.assert_close(network.forward_features(images), expected, rtol=0, atol=0)  # which stays as it is


def test_the_weights_are_shared(network):
    fixed = at_size(network, (70, 98))
    assert fixed.blocks[0].mlp.fc1.weight is network.blocks[0].mlp.fc1.weight
    assert fixed.patch_embed.proj is network.patch_embed.proj
    assert fixed.pos_embed.shape[1] in (35, 36)  # 5x7 patches, perhaps with a class token
    assert at_size(fixed, (70, 98)) is fixed


def test_a_network_without_a_position_embedding_is_returned_as_it_is():
    vit = timm.create_model("vit_small_patch16_dinov3", depth=1, num_classes=0, dynamic_img_size=True)
    assert at_size(vit, (64, 96)) is vit


def test_an_encoder_resizes_once_per_size_and_anew_where_it_was_moved(network):
    encoder = DinoImageEncoder(network, (0.5,) * 3, (0.5,) * 3)
    for size in ((70, 98), (112, 112), (70, 98)):
        encoder(torch.rand(1, 3, *size))
    assert (encoder._at_size.cache_info().misses, encoder._at_size.cache_info().hits) == (2, 1)
    moved = encoder.to(torch.bfloat16)  # beside which a position embedding left in float32 would be an error
    assert moved(torch.rand(1, 3, 70, 98)).patch_features.dtype == torch.bfloat16
