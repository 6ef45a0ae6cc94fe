# SPDX-License-Identifier: Apache-2.0
"""dino.txt's published layouts, written down from its documentation: names and shapes, seeded values, both releases.

Also the vision head as a formula in float64, which knows nothing of the code under test.
"""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersModel, DINOv3ViTConfig, DINOv3ViTModel

EPS = 1e-5  # of the vision head's norms
Shapes = dict[str, list[int]]
StateDict = dict[str, Tensor]


@pytest.fixture(scope="session")
def head_shapes() -> Callable[[int], Shapes]:
    """List the head's tensors in the file of DINOv2's release, for a backbone's width."""

    def shapes(width: int) -> Shapes:
        hidden = {1024: 2752, 48: 128}[width]
        block = {
            "norm1.weight": [width],
            "norm1.bias": [width],
            "attn.qkv.weight": [3 * width, width],
            "attn.proj.weight": [width, width],
            "attn.proj.bias": [width],
            "ls1.gamma": [width],
            "norm2.weight": [width],
            "norm2.bias": [width],
            "mlp.w1.weight": [hidden, width],
            "mlp.w1.bias": [hidden],
            "mlp.w2.weight": [hidden, width],
            "mlp.w2.bias": [hidden],
            "mlp.w3.weight": [width, hidden],
            "mlp.w3.bias": [width],
            "ls2.gamma": [width],
        }
        blocks = {f"block_list.{i}.{name}": shape for i in range(2) for name, shape in block.items()}
        return blocks | {"ln_final.weight": [width], "ln_final.bias": [width]}

    return shapes


@pytest.fixture(scope="session")
def text_shapes() -> Callable[[int, int, int], Shapes]:
    """List the text tower's tensors in the file of DINOv2's release, for its width, layers and output."""

    def shapes(width: int, layers: int, output: int) -> Shapes:
        block = {
            "attention_norm.weight": [width],
            "attention_norm.bias": [width],
            "attention.qkv.weight": [3 * width, width],
            "attention.proj.weight": [width, width],
            "attention.proj.bias": [width],
            "ffn_norm.weight": [width],
            "ffn_norm.bias": [width],
            "feed_forward.fc1.weight": [4 * width, width],
            "feed_forward.fc1.bias": [4 * width],
            "feed_forward.fc2.weight": [width, 4 * width],
            "feed_forward.fc2.bias": [width],
        }
        return {
            "backbone.token_embedding.weight": [49408, width],
            "backbone.positional_embedding": [77, width],
            **{f"backbone.blocks.{i}.{name}": shape for i in range(layers) for name, shape in block.items()},
            "backbone.ln_final.weight": [width],
            "backbone.ln_final.bias": [width],
            "head.linear_projection.weight": [output, width],
        }

    return shapes


@pytest.fixture(scope="session")
def seeded() -> Callable[..., StateDict]:
    """Give tensors values that hide nothing: LayerScale near 0.5 and not 1e-5, norms and biases not 1 and 0."""

    def fill(shapes: Shapes, number: int = 0) -> StateDict:
        generator = torch.Generator().manual_seed(number)
        state = {}
        for name, shape in shapes.items():
            values = torch.randn(shape, generator=generator)
            if "gamma" in name:
                values = 0.5 + 0.1 * values
            elif re.search(r"(norm\d?|ln_final)\.weight", name):
                values = 1 + 0.2 * values
            elif len(shape) > 1 and "embedding" not in name:
                values = values / shape[1] ** 0.5
            else:
                values = 0.2 * values
            state[name] = values
        return state

    return fill


@pytest.fixture(scope="session")
def seeded_head(head_shapes, seeded) -> Callable[[int], StateDict]:
    """A small head in the layout of DINOv2's release, for a backbone's width."""
    return lambda width: seeded(head_shapes(width))


@pytest.fixture(scope="session")
def backbone(seed, dino_layout) -> Callable[..., tuple[nn.Module, StateDict]]:
    """A small backbone, 48 wide, by transformers, and its tensors as a file of DINOv2's or DINOv3's holds them."""
    size = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3}

    def make(generation: int) -> tuple[nn.Module, StateDict]:
        if generation == 2:
            oracle = Dinov2WithRegistersModel(
                Dinov2WithRegistersConfig(**size, mlp_ratio=4, image_size=112, patch_size=14)
            )
            seed(oracle)
            return oracle, dino_layout(oracle.state_dict())
        config = {"intermediate_size": 192, "num_register_tokens": 4, "query_bias": False, "value_bias": False}
        oracle = DINOv3ViTModel(DINOv3ViTConfig(**size, **config))
        seed(oracle)
        periods = 1 / oracle.rope_embeddings.inv_freq  # the published file has those of its angles in bf16
        oracle.rope_embeddings.inv_freq = 1 / periods.to(torch.bfloat16).float()
        return oracle, oracle.state_dict()

    return make


@pytest.fixture(scope="session")
def in_one_file() -> Callable[[StateDict, StateDict], StateDict]:
    """Put head and text tower together as DINOv3's release does."""

    def join(head: StateDict, text: StateDict) -> StateDict:
        return {
            "logit_scale": torch.tensor(2.66),
            **{f"visual_model.head.{key.replace('block_list', 'blocks')}": value for key, value in head.items()},
            **{f"text_model.{key}": value for key, value in text.items()},
        }

    return join


def _norm(x, weight, bias, eps):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps) * weight + bias


def _silu(x):
    return x / (1 + np.exp(-x))


def _attention(x, state, block, heads):
    """One image, one head and one token at a time."""
    q, k, v = np.split(x @ state[f"{block}.attn.qkv.weight"].T, 3, axis=-1)
    size = x.shape[-1] // heads
    mixed = np.empty_like(x)
    for image in range(len(x)):
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            for token in range(x.shape[1]):
                logits = k[image, :, own] @ q[image, token, own] / size**0.5
                weights = np.exp(logits - logits.max())
                mixed[image, token, own] = weights @ v[image, :, own] / weights.sum()
    return mixed @ state[f"{block}.attn.proj.weight"].T + state[f"{block}.attn.proj.bias"]


@pytest.fixture(scope="session")
def plain_head() -> Callable[..., Tensor]:
    """The head by its formula: tokens [B, N, width] in, the same out."""

    def head(state, tokens, heads):
        state = {key: value.numpy().astype(np.float64) for key, value in state.items()}
        x = tokens.numpy().astype(np.float64)
        for block in ("block_list.0", "block_list.1"):

            def layer(x, name, block=block):
                return x @ state[f"{block}.mlp.{name}.weight"].T + state[f"{block}.mlp.{name}.bias"]

            def norm(x, name, block=block):
                return _norm(x, state[f"{block}.{name}.weight"], state[f"{block}.{name}.bias"], EPS)

            scales = [state[f"{block}.{name}.gamma"] for name in ("ls1", "ls2")]
            x = x + scales[0] * _attention(norm(x, "norm1"), state, block, heads)
            y = norm(x, "norm2")
            x = x + scales[1] * layer(_silu(layer(y, "w1")) * layer(y, "w2"), "w3")
        return torch.from_numpy(_norm(x, state["ln_final.weight"], state["ln_final.bias"], EPS)).float()

    return head
