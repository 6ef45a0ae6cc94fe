# SPDX-License-Identifier: Apache-2.0
"""Against timm's own resizing in every call."""

import pytest
import timm
import torch

from talk2dino_ros.engine.models.vit import DinoImageEncoder
from talk2dino_ros.engine.runtime.fixed_size import at_size


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


@pytest.fixture
def rotary(seed):
    vit = timm.create_model(
        "vit_base_patch16_dinov3", embed_dim=48, depth=2, num_heads=3, num_classes=0, dynamic_img_size=True
    )
    seed(vit)
    return vit


@pytest.mark.parametrize("size", [(64, 96), (112, 80)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_angles_of_one_grid_give_what_timm_computes_for_every_image(rotary, size, dtype):
    rotary = rotary.to(dtype)
    images = torch.rand(2, 3, *size, dtype=dtype)
    fixed = at_size(rotary, size)
    torch.testing.assert_close(fixed.forward_features(images), rotary.forward_features(images), rtol=0, atol=0)
    assert fixed.blocks is rotary.blocks
    assert fixed.rope is not rotary.rope
    assert at_size(fixed, size) is fixed


def test_a_network_that_no_size_changes_is_returned_as_it_is():
    network = timm.create_model("tf_efficientnet_lite0")
    assert at_size(network, (64, 96)) is network


def test_an_encoder_resizes_once_per_size_and_anew_where_it_was_moved(network):
    encoder = DinoImageEncoder(network, (0.5,) * 3, (0.5,) * 3)
    for size in ((70, 98), (112, 112), (70, 98)):
        encoder(torch.rand(1, 3, *size))
    assert (encoder._networks.cache_info().misses, encoder._networks.cache_info().hits) == (2, 1)
    moved = encoder.to(torch.bfloat16)  # beside which a position embedding left in float32 would be an error
    assert moved(torch.rand(1, 3, 70, 98)).patch_features.dtype == torch.bfloat16
