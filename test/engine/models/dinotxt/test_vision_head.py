# SPDX-License-Identifier: Apache-2.0
"""The vision head against its formula."""

import pytest
import torch

from talk2dino_ros.engine.models.dinotxt.dinotxt_vision import load_vision_head

WIDTH, HEADS = 48, 3


@pytest.fixture
def head_state(seeded_head):
    return seeded_head(WIDTH)


@pytest.fixture
def head(head_state, checkpoint_of, tmp_path):
    torch.save(head_state, tmp_path / "head.pth")
    return load_vision_head(checkpoint_of("head", tmp_path / "head.pth")["head"], WIDTH, HEADS)


def make_tokens(spread=1.0):
    """A class token, 4 registers and 6 patches for each of 2 images."""
    return spread * torch.randn(2, 11, WIDTH, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("spread", [1.0, 0.01])  # 0.01: the norms' input varies little, and a wrong eps shows
def test_the_head_equals_its_formula(head, head_state, plain_head, spread):
    tokens = make_tokens(spread)
    torch.testing.assert_close(head(tokens), plain_head(head_state, tokens, HEADS), rtol=0, atol=1e-5)


def test_patch_features_depend_on_the_register_tokens(head):
    tokens = make_tokens()
    without = head(torch.cat([tokens[:, :1], tokens[:, 5:]], dim=1))
    assert (head(tokens)[:, 5:] - without[:, 1:]).abs().max() > 0.01


def test_the_vision_head_has_no_position_embedding(head):
    tokens = make_tokens()
    order = torch.randperm(11, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(head(tokens[:, order]), head(tokens)[:, order], rtol=0, atol=1e-5)


def test_an_image_gets_the_same_tokens_alone_and_in_a_batch(head):
    tokens = make_tokens()
    alone = torch.cat([head(image[None]) for image in tokens])
    torch.testing.assert_close(head(tokens), alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_tokens_have_the_same_direction(head, dtype):
    tokens = make_tokens()
    full = head(tokens)
    half = head.to(dtype)(tokens.to(dtype))
    assert half.dtype == dtype
    assert torch.cosine_similarity(full, half.float(), dim=-1).min() > 0.999
