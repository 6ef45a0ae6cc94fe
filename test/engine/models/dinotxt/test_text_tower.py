# SPDX-License-Identifier: Apache-2.0
"""The text tower against a stack of PyTorch's own transformer layers, which share no code with it."""

import pytest
import torch
from torch import nn

from talk2dino_ros.engine.models.dinotxt.dinotxt_layouts import text_part
from talk2dino_ros.engine.models.dinotxt.text_tower import TextTower
from talk2dino_ros.engine.weights.state_dicts import build_and_load

WIDTH, HEADS, LAYERS, OUTPUT = 32, 4, 3, 24
START, END = 49406, 49407


@pytest.fixture(scope="module")
def state(text_shapes, seeded):
    return seeded(text_shapes(WIDTH, LAYERS, OUTPUT))


@pytest.fixture
def tower(state, tmp_path):
    def make(scale=1.0):
        return build_and_load(
            lambda: TextTower(width=WIDTH, heads=HEADS, layers=LAYERS, output_size=OUTPUT),
            text_part(scaled(state, scale), tmp_path),
            tmp_path,
        )

    return make


def scaled(state, scale):
    """Shrink what enters the blocks."""
    return {key: value * scale if "embedding" in key else value for key, value in state.items()}


@torch.no_grad()
def oracle(state, tokens):
    """All 77 places, the mask spelled out, every token projected, then the one at the end-of-text id taken."""
    x = state["backbone.token_embedding.weight"][tokens] + state["backbone.positional_embedding"]
    mask = torch.triu(torch.full((77, 77), -torch.inf), diagonal=1)
    for i in range(LAYERS):
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True, layer_norm_eps=1e-5
        )
        own = {
            key.removeprefix(f"backbone.blocks.{i}."): value for key, value in state.items() if f".blocks.{i}." in key
        }
        layer.load_state_dict(
            {
                "self_attn.in_proj_weight": own["attention.qkv.weight"],
                "self_attn.in_proj_bias": torch.zeros(3 * WIDTH),
                "self_attn.out_proj.weight": own["attention.proj.weight"],
                "self_attn.out_proj.bias": own["attention.proj.bias"],
                "linear1.weight": own["feed_forward.fc1.weight"],
                "linear1.bias": own["feed_forward.fc1.bias"],
                "linear2.weight": own["feed_forward.fc2.weight"],
                "linear2.bias": own["feed_forward.fc2.bias"],
                "norm1.weight": own["attention_norm.weight"],
                "norm1.bias": own["attention_norm.bias"],
                "norm2.weight": own["ffn_norm.weight"],
                "norm2.bias": own["ffn_norm.bias"],
            }
        )
        x = layer(x, src_mask=mask)
    x = nn.functional.layer_norm(x, (WIDTH,), state["backbone.ln_final.weight"], state["backbone.ln_final.bias"], 1e-5)
    projected = x @ state["head.linear_projection.weight"].T
    return torch.stack([row[ids.index(END)] for row, ids in zip(projected, tokens.tolist(), strict=True)])


def make_tokens(*lengths, seed=0):
    """Rows of 77 ids: start, random words, end, zeros."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.zeros(len(lengths), 77, dtype=torch.long)
    for row, length in zip(rows, lengths, strict=True):
        row[: length + 2] = torch.tensor([START, *torch.randint(START, (length,), generator=generator).tolist(), END])
    return rows


TOKENS = make_tokens(0, 1, 7, 40, 75)  # nothing, a word, and as many as there is room for


@pytest.mark.parametrize("scale", [1.0, 0.01])  # 0.01: the first norms' input varies little, and a wrong eps shows
def test_text_features_equal_pytorchs_own_layers(tower, state, scale):
    features = tower(scale)(TOKENS)
    assert features.shape == (5, OUTPUT)
    torch.testing.assert_close(features, oracle(scaled(state, scale), TOKENS), rtol=0, atol=1e-5)


def test_tokens_after_the_end_token_change_nothing(tower):
    tokens = make_tokens(5, 40)
    other = tokens.clone()
    other[0, 7:] = torch.randint(START, (70,), generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(tower()(other), tower()(tokens), rtol=0, atol=1e-6)


def test_tokens_before_the_end_token_change_the_features(tower):
    tokens = make_tokens(5)
    for place in range(6):
        other = tokens.clone()
        other[0, place] = 320
        assert (tower()(other) - tower()(tokens)).abs().max() > 1e-3


def test_the_features_are_read_at_the_first_end_token(tower):
    tokens = make_tokens(5)
    tokens[0, 20] = END
    torch.testing.assert_close(tower()(tokens), tower()(make_tokens(5)), rtol=0, atol=1e-6)


def test_cutting_the_padding_changes_nothing(tower):
    tokens = make_tokens(3, 5)
    # up to rounding, as against the oracle: products of other shapes
    torch.testing.assert_close(tower()(tokens[:, :7]), tower()(tokens), rtol=0, atol=1e-5)


def test_a_prompt_gets_the_same_features_alone_and_in_a_batch(tower):
    alone = torch.cat([tower()(row[None]) for row in TOKENS])
    torch.testing.assert_close(tower()(TOKENS), alone, rtol=0, atol=1e-5)
