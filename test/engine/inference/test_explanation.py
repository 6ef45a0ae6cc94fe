# SPDX-License-Identifier: Apache-2.0
"""What an explanation keeps is what `segment` computes; its heads are the network's own, seen from another side."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from torch import nn

from talk2dino_ros.engine.errors import ImageError, ModelError
from talk2dino_ros.engine.inference.explanation import explain, patch_colours
from talk2dino_ros.engine.models.dinotxt.dinotxt_vision import HeadedImageEncoder
from talk2dino_ros.engine.models.dinotxt.vision_head import VisionHead
from talk2dino_ros.engine.models.networks import Networks
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.models.vit import DinoImageEncoder, ImageFeatures
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.vocabulary import Vocabulary

WIDTH, HEADS, PREFIX = 48, 3, 5
UNLABELED = 255


@pytest.fixture(scope="module")
def vit(seed):
    options = {"img_size": 56, "embed_dim": WIDTH, "depth": 2, "num_heads": HEADS, "num_classes": 0}
    network = timm.create_model("vit_base_patch14_reg4_dinov2", dynamic_img_size=True, **options)
    seed(network, 3)
    return network


def make_segmenter(encoder, **options):
    model = replace(
        MODELS["mini"],
        name="tiny",
        base_size=56,
        embedding_size=WIDTH,
        load_image_encoder=lambda _checkpoints, _dtype: encoder,
        load_projection=lambda _checkpoints: nn.Identity(),
    )
    return Segmenter(model, Networks(model, {}, "cpu", torch.float32), Options(**options))


@pytest.fixture
def photo():
    """Blurred noise, so that neighbours are alike as in a photograph."""
    noise = torch.rand(1, 3, 8, 12, generator=torch.Generator().manual_seed(2))
    smooth = nn.functional.interpolate(noise, (80, 120), mode="bicubic").clamp(0, 1)[0]
    return (255 * smooth).to(torch.uint8).permute(1, 2, 0).numpy()


@pytest.fixture
def words(vit, photo):
    """Three words, each the way of some patch of the photograph, so that each wins somewhere."""
    encoder = DinoImageEncoder(vit, (0.5,) * 3, (0.5,) * 3)
    pixels = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
    patches = encoder(nn.functional.interpolate(pixels, (56, 56))).patch_features[0].flatten(1)
    return Vocabulary.from_embeddings(["one", "!two", "three"], (patches - patches.mean(1, True))[:, [0, 6, 15]].T)


def labels_of(scores, vocabulary, background):
    """The best class's id, argmax and threshold on scores of the image's size."""
    best, winner = scores.max(axis=0), scores.argmax(axis=0)
    ids = np.array(vocabulary.published_ids(UNLABELED))[winner]
    return np.where(best > background, ids, UNLABELED)


@pytest.mark.parametrize("cleaning", [False, True])
@pytest.mark.parametrize("shape", ["square", "aspect"])
def test_the_explained_scores_give_the_labels_of_segment(vit, photo, words, cleaning, shape):
    encoder = DinoImageEncoder(vit, (0.5,) * 3, (0.5,) * 3)
    segmenter = make_segmenter(encoder, background=0.51, background_cleaning=cleaning, input=shape)
    seen = explain(segmenter, photo, words)
    for refine, scores, kept in (("none", seen.stretched, seen.before), ("pamr", seen.refined, seen.after)):
        truth = segmenter.with_options(refine=refine).segment(photo, words)
        np.testing.assert_array_equal(kept.class_ids, truth.class_ids)
        agreement = (labels_of(scores, words, 0.51) == truth.class_ids).mean()
        assert agreement > 0.999  # rounding may tip a pixel between two equal scores
    assert set(np.unique(seen.after.class_ids)) == {1, 2, UNLABELED}
    assert (seen.before.class_ids != seen.after.class_ids).any()
    np.testing.assert_allclose(seen.scores, 1 / (1 + np.exp(-seen.cosines)), atol=1e-6)
    assert (seen.cleaned is not None) == cleaning
    assert seen.cosines.shape == (3, *((4, 4) if shape == "square" else (4, 6)))


def test_head_attention_is_that_of_the_networks_last_block(vit, photo, words):
    """The oracle is timm's attention itself, read behind its softmax; over the patches alone it is divided anew."""
    block = vit.blocks[-1].attn
    block.fused_attn, taken = False, []
    hook = block.attn_drop.register_forward_pre_hook(lambda _module, inputs: taken.append(inputs[0]))
    encoder = DinoImageEncoder(vit, (0.5,) * 3, (0.5,) * 3)
    pixels = nn.functional.interpolate(
        torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255, (56, 56), mode="bilinear", antialias=True
    )
    features = encoder(pixels).patch_features[0].flatten(1).numpy()
    hook.remove()
    block.fused_attn = True
    expected = taken[-1][0, :, 0, PREFIX:].numpy()
    expected = expected / expected.sum(axis=1, keepdims=True)
    heads = explain(make_segmenter(encoder), photo, words).heads
    np.testing.assert_allclose(heads.attention.reshape(HEADS, -1), expected, atol=1e-5)
    for word, vector in enumerate(words.embeddings):
        for head in range(HEADS):
            mean = sum(expected[head, p] * features[:, p] for p in range(16))
            assert heads.fit[word, head] == pytest.approx(vector @ mean / np.linalg.norm(mean), abs=1e-4)


def test_a_model_without_a_projection_has_heads_and_no_fit_to_words(vit, photo, words):
    encoder = HeadedImageEncoder(vit, VisionHead(WIDTH, HEADS).eval(), (0.5,) * 3, (0.5,) * 3)
    segmenter = make_segmenter(encoder)
    model = replace(segmenter.model, files=MODELS["dinotxt_vitl"].files)
    heads = explain(Segmenter(model, segmenter.networks, segmenter.options), photo, words).heads
    assert heads.attention.shape == (HEADS, 4, 4)
    assert heads.fit is None


class NoAttention(nn.Module):
    """As `mini`: patches and no class token."""

    has_attention = False
    patch_size = 14

    def forward(self, images, return_attention=False):
        assert not return_attention
        pooled = nn.functional.avg_pool2d(images, 14)
        return ImageFeatures(torch.cat([pooled, torch.ones_like(pooled)], dim=1).repeat(1, 8, 1, 1))


def test_a_model_without_a_class_token_has_no_heads(photo, words):
    seen = explain(make_segmenter(NoAttention()), photo, words)
    assert seen.heads is None
    assert seen.refined.shape == (3, *photo.shape[:2])


def test_an_explanation_that_the_model_cannot_give_is_refused(photo, words):
    with pytest.raises(ModelError, match="input 'slide', which cuts"):
        explain(make_segmenter(NoAttention(), input="slide"), photo, words)
    with pytest.raises(ImageError, match=r"float64 \[80, 120, 3\]"):
        explain(make_segmenter(NoAttention()), photo.astype(float), words)


def test_similar_patches_get_similar_colours():
    kinds = torch.eye(4)[:, torch.tensor([[0, 0, 1], [2, 3, 1]])]
    colours = patch_colours(kinds + 0.001 * torch.rand(4, 2, 3, generator=torch.Generator().manual_seed(0))).numpy()
    assert colours.shape == (2, 3, 3)
    assert colours.min() >= 0
    assert colours.max() <= 1
    np.testing.assert_allclose(colours[0, 0], colours[0, 1], atol=0.02)
    np.testing.assert_allclose(colours[0, 2], colours[1, 2], atol=0.02)
    means = [colours[y, x] for y, x in ((0, 0), (0, 2), (1, 0), (1, 1))]
    assert min(np.abs(a - b).max() for i, a in enumerate(means) for b in means[:i]) > 0.3


def test_colours_do_not_depend_on_the_sign_that_the_decomposition_came_with():
    features = torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(1))
    turned = patch_colours(features.flip(1, 2)).flip(0, 1)
    np.testing.assert_allclose(patch_colours(features), turned, atol=1e-4)
    np.testing.assert_allclose(patch_colours(features), 1 - patch_colours(-features), atol=1e-4)


@pytest.mark.parametrize("grid", [(1, 1), (1, 2)])
def test_an_image_of_fewer_patches_than_colours_has_colours_too(grid):
    colours = patch_colours(torch.randn(6, *grid, generator=torch.Generator().manual_seed(1)))
    assert colours.shape == (*grid, 3)
    assert bool(colours.isfinite().all())
