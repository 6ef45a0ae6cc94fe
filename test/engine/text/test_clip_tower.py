# SPDX-License-Identifier: Apache-2.0
"""CLIP's text tower against open_clip's own, with the same weights."""

import pytest
import torch
from open_clip.transformer import QuickGELU, TextTransformer

from talk2dino_ros.engine.text.clip_tower import ClipTextTower

SIZE = {"width": 64, "heads": 4, "layers": 3, "output_dim": 48}
END = 49407


@pytest.fixture(scope="module")
def towers(seed):
    """Return open_clip's tower and this package's, of the same seeded values."""
    oracle, tower = TextTransformer(act_layer=QuickGELU, **SIZE).eval(), ClipTextTower(**SIZE).eval()
    seed(oracle)
    tower.load_state_dict(oracle.state_dict(), strict=True)
    return oracle, tower


@pytest.fixture
def tokens():
    """Return ids int64 [6, 77] of texts of six lengths, one of them the whole context."""
    ids = torch.randint(1, END, (6, 77), generator=torch.Generator().manual_seed(0))
    for row, end in zip(ids, (1, 2, 7, 30, 60, 76), strict=True):
        row[end] = END
        row[end + 1 :] = 0
    return ids


@torch.inference_mode()
def test_features_are_open_clips(towers, tokens):
    oracle, tower = towers
    torch.testing.assert_close(tower(tokens), oracle(tokens), rtol=0, atol=1e-6)


@torch.inference_mode()
def test_every_position_leaves_the_blocks_with_open_clips_bits(towers, tokens):
    oracle, tower = towers
    x = tower.token_embedding(tokens) + tower.positional_embedding
    expected = oracle.transformer(x, attn_mask=oracle.attn_mask)
    assert torch.equal(tower.transformer(x, tower.mask), expected)


@torch.inference_mode()
def test_what_stands_behind_the_end_changes_nothing(towers, tokens):
    _, tower = towers
    other = tokens.clone()
    other[2, 8:] = 5
    torch.testing.assert_close(tower(other), tower(tokens), rtol=0, atol=0)
    torch.testing.assert_close(tower(tokens[:3, :8]), tower(tokens)[:3], rtol=0, atol=1e-6)


def test_names_sizes_and_their_order_are_those_of_clip_vit_b_16():
    with torch.device("meta"):
        oracle, tower = TextTransformer(act_layer=QuickGELU), ClipTextTower()
    expected = {name: tuple(tensor.shape) for name, tensor in oracle.named_parameters()}
    assert list({name: tuple(tensor.shape) for name, tensor in tower.named_parameters()}.items()) == list(
        expected.items()
    )
    assert sum(tensor.numel() for tensor in tower.parameters()) == 63_428_096  # open_clip's count of CLIP ViT-B/16
    assert tower.context_length == oracle.context_length == 77
