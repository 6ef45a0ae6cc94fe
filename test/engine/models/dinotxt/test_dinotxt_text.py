# SPDX-License-Identifier: Apache-2.0
"""From prompts to what patches are compared with: tokenizer, patch half, templates, the mean over them."""

from types import SimpleNamespace

import numpy as np
import open_clip
import pytest
import torch
from torch import nn

from talk2dino_ros.engine.models.dinotxt.dinotxt_text import load_dinotxt_text_encoder, patch_half
from talk2dino_ros.engine.models.dinotxt.templates import IMAGENET_TEMPLATES
from talk2dino_ros.engine.models.word_vectors import encode_classes
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.text.prompt_features import PromptEncoder

WIDTH, LAYERS, OUTPUT = 32, 2, 24
SIZE = {"width": WIDTH, "heads": 4, "layers": LAYERS, "output_size": OUTPUT}
PROMPTS = ["a photo of a cat.", "fire extinguisher", "", "Straßenbahn, 電車", "a " * 100]


@pytest.fixture
def encoder(text_shapes, seeded, checkpoint_of, tmp_path):
    def make(**edits):
        state = seeded(text_shapes(WIDTH, LAYERS, OUTPUT)) | edits
        torch.save(state, tmp_path / "text.pth")
        return load_dinotxt_text_encoder(checkpoint_of("text", tmp_path / "text.pth"), **SIZE)

    return make


def test_the_patch_half_is_the_second_and_is_cut_before_it_is_normalised():
    features = torch.tensor([[100.0, 7.0, 3.0, 4.0], [0.0, 0.0, -2.0, 0.0]])
    torch.testing.assert_close(patch_half(features), torch.tensor([[0.6, 0.8], [-1.0, 0.0]]))


def test_token_ids_are_those_of_clips_tokenizer(encoder):
    own = encoder()
    ids = own.tokenize(["a photo of a  CAT", "&amp;amp;"], 77)
    assert ids[0, :8].tolist() == [49406, 320, 1125, 539, 320, 2368, 49407, 0]
    assert ids[1, :4].tolist() == [49406, 261, 49407, 0]  # html unescaped twice: an ampersand that ends a word


def test_prompts_are_encoded_by_the_tower_and_come_back_as_unit_vectors(encoder):
    own = encoder()
    vectors = own.encode(PROMPTS)
    assert vectors.dtype == torch.float32
    assert vectors.shape == (5, OUTPUT // 2)
    features = own.tower(open_clip.get_tokenizer("ViT-B-32")(PROMPTS))[:, OUTPUT // 2 :]
    expected = features / features.square().sum(dim=1, keepdim=True).sqrt()
    torch.testing.assert_close(vectors, expected, rtol=0, atol=1e-5)


def test_the_class_token_half_of_the_projection_is_not_used(encoder):
    own = encoder()
    vectors, weight = own.encode(PROMPTS), own.tower.linear_projection.weight.clone()
    weight[: OUTPUT // 2] = 0
    halved = encoder(**{"head.linear_projection.weight": weight})
    torch.testing.assert_close(halved.encode(PROMPTS), vectors, rtol=0, atol=1e-6)
    weight[OUTPUT // 2 :] = weight[OUTPUT // 2 :].flip(0)
    other = encoder(**{"head.linear_projection.weight": weight})
    assert (other.encode(PROMPTS) - vectors).abs().max() > 0.1


def test_prompts_beyond_the_context_are_truncated_and_reported(encoder):
    own = encoder()
    assert own.truncated(["dog " * 75, "dog " * 76]) == [False, True]
    assert torch.equal(own.encode(["dog " * 76]), own.encode(["dog " * 76 + "cat"]))


def test_half_precision_files_are_computed_in_float32(encoder):
    own = encoder(**{"backbone.positional_embedding": torch.zeros(77, WIDTH, dtype=torch.float16)})
    assert {parameter.dtype for parameter in own.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in own.parameters())


def test_the_templates_are_open_clips_list():
    assert list(IMAGENET_TEMPLATES) == [template("{}") for template in open_clip.OPENAI_IMAGENET_TEMPLATES]
    assert len(IMAGENET_TEMPLATES) == 80


def test_a_class_is_the_mean_of_its_unit_vectors_over_all_templates(encoder):
    own = encoder()
    model = SimpleNamespace(name="dinotxt", templates=IMAGENET_TEMPLATES)
    text = PromptEncoder(lambda: own, cache=None, encoding="", files=[])
    networks = SimpleNamespace(text=text, projection=nn.Identity(), projection_sum="", device="cpu")
    found = encode_classes(parse_classes(["cat", "fire extinguisher"]), model, networks).embeddings
    for name, vector in zip(["cat", "fire extinguisher"], found, strict=True):
        total = np.zeros(OUTPUT // 2)
        for template in open_clip.OPENAI_IMAGENET_TEMPLATES:
            tokens = open_clip.get_tokenizer("ViT-B-32")([template(name)])
            feature = own.tower(tokens)[0].numpy().astype(np.float64)[OUTPUT // 2 :]
            total += feature / np.sqrt((feature**2).sum())
        expected = total / np.sqrt((total**2).sum())
        np.testing.assert_allclose(vector / np.linalg.norm(vector), expected, rtol=0, atol=1e-5)
