# SPDX-License-Identifier: Apache-2.0
"""The ViTs against transformers' implementations, loaded through files in the published layouts."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    DINOv3ViTConfig,
    DINOv3ViTModel,
)

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.models.vit import load_dino_encoder

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WIDTH, DEPTH, HEADS = 48, 3, 3
SIZE = {"hidden_size": WIDTH, "num_hidden_layers": DEPTH, "num_attention_heads": HEADS}
TIMM_SIZE = {"embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS}


def dinov2_oracle():
    return Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**SIZE, mlp_ratio=4, image_size=112, patch_size=14))


def dinov3_oracle():
    return DINOv3ViTModel(
        DINOv3ViTConfig(**SIZE, intermediate_size=4 * WIDTH, num_register_tokens=4, query_bias=False, value_bias=False)
    )


def normalised(images):
    return (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def grid(tokens, h, w):
    return tokens[:, 5:].transpose(1, 2).reshape(len(tokens), -1, h, w)


def load_dinov2(checkpoints, dtype=torch.float32):
    return load_dino_encoder(
        checkpoints, dtype, network="vit_base_patch14_reg4_dinov2", mean=MEAN, std=STD, img_size=112, **TIMM_SIZE
    )


def load_dinov3(checkpoints, dtype=torch.float32):
    return load_dino_encoder(checkpoints, dtype, network="vit_base_patch16_dinov3", mean=MEAN, std=STD, **TIMM_SIZE)


@pytest.fixture(scope="session")
def dinov3_layout(dino_layout):
    """The published DINOv3 layout has more than that: its bias is all zero, its mask may hold anything."""

    def rename(state):
        renamed = {key.replace("register_tokens", "storage_tokens"): v for key, v in dino_layout(state).items()}
        for i in range(DEPTH):
            renamed[f"blocks.{i}.attn.qkv.bias"] = torch.zeros(3 * WIDTH)
            renamed[f"blocks.{i}.attn.qkv.bias_mask"] = torch.full((3 * WIDTH,), torch.nan)
        return {**renamed, "rope_embed.periods": torch.ones(4)}

    return rename


@pytest.fixture
def dinov2(seed, dino_layout, checkpoint_of, tmp_path):
    """A tiny DINOv2 in its published layout: (the oracle, the encoder's checkpoints)."""

    def make(scale=1.0):
        oracle = dinov2_oracle()
        seed(oracle, scale=scale)
        path = tmp_path / "dinov2.pth"
        torch.save(dino_layout(oracle.state_dict()), path)
        return oracle, checkpoint_of("image", path)

    return make


@pytest.fixture
def dinov3(seed, dinov3_layout, checkpoint_of, tmp_path):
    """A tiny DINOv3 in one of its published layouts: (the oracle, the encoder's checkpoints)."""
    layouts = {
        "original": dinov3_layout,
        "transformers": dict,
        "facebook's repositories": lambda state: {key.removeprefix("model."): v for key, v in state.items()},
    }

    def make(scale=1.0, layout="original"):
        oracle = dinov3_oracle()
        seed(oracle, scale=scale)
        path = tmp_path / "dinov3.pth"
        torch.save(layouts[layout](oracle.state_dict()), path)
        return oracle, checkpoint_of("image", path)

    return make


@pytest.mark.parametrize(("height", "width"), [(112, 112), (98, 140), (224, 56)])
@pytest.mark.parametrize("scale", [1.0, 0.01])  # 0.01: the blocks' input varies little, and a wrong eps shows
def test_dinov2_patch_features_equal_transformers_at_any_size(dinov2, height, width, scale):
    oracle, checkpoints = dinov2(scale)
    images = torch.rand(2, 3, height, width)
    tokens = oracle(normalised(images)).last_hidden_state
    features = load_dinov2(checkpoints)(images).patch_features
    h, w = height // 14, width // 14
    assert features.shape == (2, WIDTH, h, w)
    torch.testing.assert_close(features, grid(tokens, h, w), rtol=0, atol=1e-5)


def test_timms_safetensors_give_the_same_features(dinov2, checkpoint_of, tmp_path):
    encoder = load_dinov2(dinov2()[1])
    save_file(encoder.network.state_dict(), tmp_path / "model.safetensors")
    again = load_dinov2(checkpoint_of("image", tmp_path / "model.safetensors"))
    images = torch.rand(1, 3, 70, 98)
    assert torch.equal(encoder(images).patch_features, again(images).patch_features)


@pytest.mark.parametrize("layout", ["original", "transformers", "facebook's repositories"])
@pytest.mark.parametrize("size", [(112, 112), (96, 144)])
@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_dinov3_patch_features_equal_transformers_from_every_layout(dinov3, layout, size, scale):
    oracle, checkpoints = dinov3(scale, layout)
    images = torch.rand(2, 3, *size)
    tokens = oracle(normalised(images)).last_hidden_state
    features = load_dinov3(checkpoints)(images).patch_features
    torch.testing.assert_close(features, grid(tokens, size[0] // 16, size[1] // 16), rtol=0, atol=1e-5)


def test_dinov3_weights_with_a_bias_that_timm_lacks_are_refused(dinov3):
    _, checkpoints = dinov3()
    state = torch.load(checkpoints["image"].path)
    state["blocks.1.attn.qkv.bias"][3] = 0.5
    torch.save(state, checkpoints["image"].path)
    with pytest.raises(WeightsError, match=r"non-zero values in blocks\.1\.attn\.qkv\.bias"):
        load_dinov3(checkpoints)


def numpy_attention(last_input, state, block, bias):
    """The formula of the paper's code, by hand: softmax-free q k^T / sqrt(d) of token 0 to the patches."""
    x = last_input.numpy().astype(np.float64)
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    eps = 1e-6 if bias else 1e-5
    x = (x - mean) / np.sqrt(var + eps)
    x = x * state[f"{block}.norm1.weight"].numpy() + state[f"{block}.norm1.bias"].numpy()
    qkv = x @ state[f"{block}.attn.qkv.weight"].numpy().T
    qkv = qkv + (state[f"{block}.attn.qkv.bias"].numpy() if bias else 0)
    depth = WIDTH // HEADS
    logits = np.empty((len(x), HEADS, x.shape[1] - 5))
    for b in range(len(x)):
        for head in range(HEADS):
            q = qkv[b, 0, head * depth : (head + 1) * depth] * depth**-0.5
            k = qkv[b, 5:, WIDTH + head * depth : WIDTH + (head + 1) * depth]
            logits[b, head] = k @ q
    return logits


def test_dinov2_cls_attention_is_the_last_blocks_query_times_keys(dinov2, dino_layout):
    oracle, checkpoints = dinov2()
    images = torch.rand(2, 3, 70, 98)
    last_input = oracle(normalised(images), output_hidden_states=True).hidden_states[-2]
    expected = numpy_attention(last_input, dino_layout(oracle.state_dict()), f"blocks.{DEPTH - 1}", bias=True)
    attention = load_dinov2(checkpoints)(images, return_attention=True).cls_attention
    assert attention.shape == (2, HEADS, 5 * 7)
    assert attention.dtype == torch.float32
    np.testing.assert_allclose(attention.numpy(), expected, rtol=0, atol=1e-4)


def test_dinov3_cls_attention_is_taken_before_the_rotary_embedding(dinov3, dinov3_layout):
    oracle, checkpoints = dinov3()
    images = torch.rand(2, 3, 80, 112)
    last_input = oracle(normalised(images), output_hidden_states=True).hidden_states[-2]
    expected = numpy_attention(last_input, dinov3_layout(oracle.state_dict()), f"blocks.{DEPTH - 1}", bias=False)
    attention = load_dinov3(checkpoints)(images, return_attention=True).cls_attention
    np.testing.assert_allclose(attention.numpy(), expected, rtol=0, atol=1e-4)


def test_attention_is_computed_on_request_and_does_not_change_the_features(dinov2):
    encoder = load_dinov2(dinov2()[1])
    images = torch.rand(1, 3, 70, 98)
    plain, asked = encoder(images), encoder(images, return_attention=True)
    assert plain.cls_attention is None
    assert torch.equal(plain.patch_features, asked.patch_features)


def test_an_image_gets_the_same_features_alone_and_in_a_batch(dinov2):
    encoder = load_dinov2(dinov2()[1])
    images = torch.rand(3, 3, 70, 98)
    batch = encoder(images).patch_features
    alone = torch.cat([encoder(image[None]).patch_features for image in images])
    torch.testing.assert_close(batch, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("load", [load_dinov2, load_dinov3])
def test_half_precision_features_have_the_same_direction(dinov2, dinov3, load, dtype):
    checkpoints = (dinov2 if load is load_dinov2 else dinov3)()[1]
    images = torch.rand(2, 3, 112, 112)
    full = load(checkpoints)(images, return_attention=True)
    half = load(checkpoints, dtype)(images, return_attention=True)
    assert half.patch_features.dtype == dtype
    cosine = torch.cosine_similarity(full.patch_features, half.patch_features.float(), dim=1)
    assert cosine.min() > 0.995
    torch.testing.assert_close(full.cls_attention, half.cls_attention, rtol=0, atol=0.3)


def test_normalisation_is_in_float32_in_every_precision(dinov2):
    encoder = load_dinov2(dinov2()[1], torch.bfloat16)
    assert encoder.mean.dtype == encoder.std.dtype == torch.float32


def test_patch_size_is_the_networks(dinov2):
    assert load_dinov2(dinov2()[1]).patch_size == 14
