# SPDX-License-Identifier: Apache-2.0
"""Against PyTorch's own linear layer."""

import pytest
import timm
import torch
from torch import nn

from talk2dino_ros.engine.image_encoder import DinoImageEncoder
from talk2dino_ros.engine.packed_linear import PackedLinear, can_pack, pack_linears

pytestmark = pytest.mark.skipif(not can_pack(), reason="this PyTorch has no oneDNN, or not its packed linear layer")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 37, 64), (3, 5, 64), (7, 64)])
def test_it_gives_what_a_linear_layer_gives(shape, bias):
    torch.manual_seed(0)
    linear = nn.Linear(64, 96, bias=bias).bfloat16()
    x = torch.randn(shape).bfloat16()
    with torch.inference_mode():
        exact = linear.float()(x.float())
        packed = PackedLinear(linear.bfloat16())(x)
    assert packed.dtype == torch.bfloat16
    torch.testing.assert_close(packed.float(), exact, rtol=2**-8, atol=2**-8)  # bf16 keeps 8 bits


def names_of_packed(network):
    """Which layers of which block are packed."""
    packed = [name.split(".", 2) for name, part in network.named_modules() if isinstance(part, PackedLinear)]
    return {int(number): {name for _, other, name in packed if other == number} for _, number, _ in packed}


OTHERS = {"attn.proj", "mlp.fc1", "mlp.fc2"}
ALL = {"attn.qkv", *OTHERS}


# the weights of qkv are read in the last block for the attention; and in all where timm adds biases of their own
@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("vit_small_patch14_reg4_dinov2", {0: ALL, 1: ALL, 2: OTHERS}),
        ("vit_small_patch16_dinov3", {0: ALL, 1: ALL, 2: OTHERS}),
        ("vit_small_patch16_dinov3_qkvb", {0: OTHERS, 1: OTHERS, 2: OTHERS}),
    ],
)
def test_a_packed_network_sees_what_it_saw_before(name, packed, seed):
    vit = timm.create_model(name, depth=3, num_classes=0, dynamic_img_size=True)
    seed(vit)
    encoder = DinoImageEncoder(vit.bfloat16(), (0.5,) * 3, (0.5,) * 3)
    images = torch.rand(2, 3, 112, 112)
    with torch.inference_mode():
        before = encoder(images, return_attention=True)
        pack_linears(vit)
        after = encoder(images, return_attention=True)
    assert names_of_packed(vit) == packed
    for one, other in zip(before, after, strict=True):
        cosine = torch.cosine_similarity(one.flatten(1).float(), other.flatten(1).float())
        assert cosine.min() > 0.9999


def test_layers_in_float32_stay_as_they_are():
    vit = timm.create_model("vit_small_patch14_reg4_dinov2", depth=1, num_classes=0)
    pack_linears(vit)
    assert not names_of_packed(vit)
