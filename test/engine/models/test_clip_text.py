# SPDX-License-Identifier: Apache-2.0
"""CLIP's text tower against a plain PyTorch transformer, loaded through a file in CLIP's layout."""

import re

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.models.clip_text import SUB_IMAGENET_TEMPLATES, load_clip_text_encoder

WIDTH, HEADS, LAYERS, OUTPUT = 32, 4, 3, 24
SIZE = {"width": WIDTH, "heads": HEADS, "layers": LAYERS, "output_dim": OUTPUT}
PROMPTS = ["a photo of a cat.", "fire extinguisher", "", "Straßenbahn, 電車", "a " * 100]


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


class Oracle(nn.Module):
    """CLIP's text tower from PyTorch's own layers: causal, pre-norm, read at the end-of-text token."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, dropout=0, activation=quick_gelu, batch_first=True, norm_first=True
        )
        self.token_embedding = nn.Embedding(49408, WIDTH)
        self.positional_embedding = nn.Parameter(torch.empty(77, WIDTH))
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.ln_final = nn.LayerNorm(WIDTH)
        self.text_projection = nn.Parameter(torch.empty(WIDTH, OUTPUT))

    def forward(self, prompts):
        tokens = open_clip.get_tokenizer("ViT-B-32")(prompts)
        x = self.token_embedding(tokens) + self.positional_embedding
        mask = nn.Transformer.generate_square_subsequent_mask(77)
        x = self.ln_final(self.layers(x, mask=mask))
        return x[torch.arange(len(x)), tokens.argmax(-1)] @ self.text_projection

    def clip_state(self):
        """Name the tensors as OpenAI's CLIP does, with a stub of its visual half beside them."""
        names = {
            r"^layers\.layers\.": "transformer.resblocks.",
            r"\.self_attn\.": ".attn.",
            r"\.norm([12])\.": r".ln_\1.",
            r"\.linear1\.": ".mlp.c_fc.",
            r"\.linear2\.": ".mlp.c_proj.",
        }
        state = {"visual.proj": torch.zeros(2, 2), "logit_scale": torch.tensor(4.6)}
        for key, tensor in self.state_dict().items():
            new = key
            for pattern, replacement in names.items():
                new = re.sub(pattern, replacement, new)
            state[new] = tensor
        return state


@pytest.fixture
def clip(seed, checkpoint_of, tmp_path):
    """A tiny CLIP: (the oracle, the loaded text encoder)."""

    def make(scale=1.0, **edits):
        oracle = Oracle()
        seed(oracle, scale=scale)
        torch.save({**oracle.clip_state(), **edits}, tmp_path / "ViT-B-16.pt")
        return oracle, load_clip_text_encoder(checkpoint_of("text", tmp_path / "ViT-B-16.pt"), **SIZE)

    return make


@pytest.mark.parametrize("scale", [1.0, 0.01])  # 0.01: the blocks' input varies little, and a wrong eps shows
def test_text_features_equal_a_plain_transformer_over_the_full_context(clip, scale):
    oracle, encoder = clip(scale)
    features = encoder.encode(PROMPTS)
    assert features.dtype == torch.float32
    assert features.shape == (len(PROMPTS), OUTPUT)
    torch.testing.assert_close(features, oracle(PROMPTS), rtol=0, atol=1e-5)


def test_prompts_keep_their_order_over_batches(clip):
    _, encoder = clip()
    prompts = [f"object number {n}" + " long" * (n % 7) for n in range(150)]
    alone = torch.cat([encoder.encode([prompt]) for prompt in prompts])
    torch.testing.assert_close(encoder.encode(prompts), alone, rtol=0, atol=1e-5)


def test_prompts_beyond_75_tokens_are_truncated_and_reported(clip):
    _, encoder = clip()
    fits, exceeds = "dog " * 75, "dog " * 76
    assert encoder.truncated([fits, exceeds, "dog"]) == [False, True, False]
    assert torch.equal(encoder.encode([exceeds]), encoder.encode([exceeds + "cat"]))


def test_only_the_text_part_is_kept(clip):
    _, encoder = clip()
    assert not any("visual" in name for name in encoder.state_dict())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_a_file_of_the_other_half_alone_is_refused(checkpoint_of, tmp_path):
    save_file({"visual.proj": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="41 missing keys"):  # 12 of each block, 5 of the tower
        load_clip_text_encoder(checkpoint_of("text", tmp_path / "other.safetensors"), **SIZE)


def test_a_key_that_is_neither_text_nor_visual_is_refused(clip):
    with pytest.raises(WeightsError, match=r"no missing keys and 1 unexpected key \(text\.surprise\)"):
        clip(**{"text.surprise": torch.zeros(1)})


def test_half_precision_files_are_computed_in_float32(clip, checkpoint_of, tmp_path):
    oracle, encoder = clip()
    halves = {key: tensor.half() for key, tensor in oracle.clip_state().items()}
    torch.save(halves, tmp_path / "halves.pt")
    from_halves = load_clip_text_encoder(checkpoint_of("text", tmp_path / "halves.pt"), **SIZE)
    assert {parameter.dtype for parameter in from_halves.parameters()} == {torch.float32}
    torch.testing.assert_close(from_halves.encode(PROMPTS), encoder.encode(PROMPTS), rtol=0, atol=0.05)


def test_the_authors_seven_templates_each_have_one_place_for_the_name():
    assert len(SUB_IMAGENET_TEMPLATES) == 7
    assert all(template.count("{}") == 1 for template in SUB_IMAGENET_TEMPLATES)
