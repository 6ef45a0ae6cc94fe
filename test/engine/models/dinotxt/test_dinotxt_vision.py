# SPDX-License-Identifier: Apache-2.0
"""Backbone and head together: transformers' backbones and the head's formula against the code under test."""

import pytest
import torch

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.models.dinotxt.dinotxt_vision import load_dinotxt_image_encoder

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WIDTH, DEPTH, HEADS = 48, 2, 3
TIMM_SIZE = {"embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS}
ROLES = (("image", "backbone"), ("head", "head"))
NETWORKS = {
    2: {"network": "vit_large_patch14_reg4_dinov2", "img_size": 112, **TIMM_SIZE},
    3: {"network": "vit_large_patch16_dinov3", **TIMM_SIZE},
}


@pytest.fixture
def dinotxt(backbone, seeded_head, checkpoint_of, tmp_path):
    """A tiny dino.txt: (the backbone's oracle, the head's tensors, the checkpoints)."""

    def make(generation):
        oracle, state = backbone(generation)
        torch.save(state, tmp_path / "backbone.pth")
        head = seeded_head(WIDTH)
        torch.save(head, tmp_path / "head.pth")
        image, head_file = (checkpoint_of(role, tmp_path / f"{name}.pth") for role, name in ROLES)
        return oracle, head, image | head_file

    return make


def load(checkpoints, generation, dtype=torch.float32, **options):
    return load_dinotxt_image_encoder(checkpoints, dtype, mean=MEAN, std=STD, **NETWORKS[generation], **options)


def images_of(h, w, patch, count=2):
    return torch.rand(count, 3, h * patch, w * patch, generator=torch.Generator().manual_seed(4))


@torch.no_grad()
def tokens_of(oracle, images):
    normalised = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    return oracle(normalised).last_hidden_state


@pytest.mark.parametrize(("h", "w"), [(4, 4), (3, 5)])
@pytest.mark.parametrize("generation", [2, 3])
def test_patches_are_the_heads_over_all_of_the_backbones_tokens(dinotxt, plain_head, generation, h, w):
    oracle, head, checkpoints = dinotxt(generation)
    encoder = load(checkpoints, generation)
    images = images_of(h, w, encoder.patch_size)
    expected = plain_head(head, tokens_of(oracle, images), HEADS)[:, 5:]
    found = encoder(images).patch_features
    assert found.shape == (2, WIDTH, h, w)
    for y in range(h):
        for x in range(w):
            torch.testing.assert_close(found[:, :, y, x], expected[:, y * w + x], rtol=0, atol=2e-5)


@pytest.mark.parametrize("generation", [2, 3])
def test_the_backbones_patches_need_no_head(dinotxt, generation):
    oracle, _, checkpoints = dinotxt(generation)
    del checkpoints["head"]
    encoder = load(checkpoints, generation, patch_source="backbone")
    images = images_of(3, 5, encoder.patch_size)
    expected = tokens_of(oracle, images)[:, 5:].transpose(1, 2).reshape(2, WIDTH, 3, 5)
    torch.testing.assert_close(encoder(images).patch_features, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_periods_stay_rounded_in_every_precision_and_after_a_move(dinotxt, dtype):
    encoder = load(dinotxt(3)[2], 3, dtype).to("cpu")
    periods = encoder.network.rope.periods
    assert periods.dtype == torch.float32
    assert torch.equal(periods, periods.to(torch.bfloat16).float())
    assert periods.unique().numel() == periods.numel() > 1


def test_attention_is_that_of_the_backbones_class_token(dinotxt):
    _, _, checkpoints = dinotxt(2)
    images = images_of(3, 5, 14)
    headed = load(checkpoints, 2)(images, return_attention=True)
    plain = load(checkpoints, 2, patch_source="backbone")(images, return_attention=True)
    assert torch.equal(headed.cls_attention, plain.cls_attention)
    assert torch.equal(headed.patch_features, load(checkpoints, 2)(images).patch_features)
    assert not torch.equal(headed.patch_features, plain.patch_features)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("generation", [2, 3])
def test_half_precision_patches_have_the_same_direction(dinotxt, generation, dtype):
    checkpoints = dinotxt(generation)[2]
    images = images_of(4, 4, {2: 14, 3: 16}[generation])
    full = load(checkpoints, generation)(images).patch_features
    half = load(checkpoints, generation, dtype)(images).patch_features
    assert half.dtype == dtype
    assert torch.cosine_similarity(full, half.float(), dim=1).min() > 0.995


def test_an_unknown_patch_source_is_refused(dinotxt):
    with pytest.raises(ModelError, match="patch_source is 'middle', expected head or backbone"):
        load(dinotxt(2)[2], 2, patch_source="middle")
