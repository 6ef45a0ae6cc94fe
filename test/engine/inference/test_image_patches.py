# SPDX-License-Identifier: Apache-2.0
"""Patches by hand: which pixels each covers with every input, and that they are what scoring compares with words."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from tiny_segmenter import cosines_of, make_segmenter, seeded_image, vocabulary

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.inference.crop_plan import make_plan
from talk2dino_ros.engine.inference.image_patches import patch_places
from talk2dino_ros.engine.models.dinotxt.dinotxt_vision import HeadedImageEncoder
from talk2dino_ros.engine.models.dinotxt.vision_head import VisionHead
from talk2dino_ros.engine.models.networks import Networks
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.models.vit import DinoImageEncoder
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.vocabulary import Vocabulary

VECTORS = np.array([[1, 0, 0], [0.6, 0.8, 0], [0, 0.6, 0.8]])
HALF = 2**-11 + 1e-6  # a half float's rounding, times vectors of length 1, beside float32's


def cosines_with(patches):
    return np.einsum("hwd,cd->chw", patches.features.astype(np.float64), VECTORS)


def test_square_patches_are_squashed_as_the_image_is():
    centres, size = patch_places(make_plan("square", (4, 8), 4, 2), (4, 8), (2, 2))  # 2 x 2 patches over 8 x 4 pixels
    assert size == (2, 4)
    assert centres.tolist() == [[[2, 1], [6, 1]], [[2, 3], [6, 3]]]
    assert centres.dtype == np.float32


def test_square_patches_do_not_know_of_the_canvas_that_caps_refinement():
    plan = make_plan("square", (40, 80), 4, 2, canvas_limit=800)
    assert plan.canvas == (20, 40)
    centres, size = patch_places(plan, (40, 80), (2, 2))
    assert size == (20, 40)
    assert centres.tolist() == [[[20, 10], [60, 10]], [[20, 30], [60, 30]]]


def test_aspect_patches_fill_the_image_though_its_side_is_no_multiple():
    plan = make_plan("aspect", (4, 9), 4, 2)
    assert plan.network == (4, 10)
    centres, size = patch_places(plan, (4, 9), (2, 5))  # five columns over 9 pixels
    assert size == pytest.approx((2, 1.8))
    np.testing.assert_allclose(centres[0], [[0.9, 1], [2.7, 1], [4.5, 1], [6.3, 1], [8.1, 1]], rtol=1e-6)
    np.testing.assert_allclose(centres[1, :, 1], 3)


def test_the_windows_of_slide_stand_below_each_other_and_overlap_in_the_image():
    plan = make_plan("slide", (8, 14), 4, 2)  # a canvas of 7 x 4, half the image: windows at 0, 2 and, shifted in, 3
    assert [crop.left for crop in plan.crops] == [0, 2, 3]
    centres, size = patch_places(plan, (8, 14), (2, 2))
    assert (centres.shape, size) == ((6, 2, 2), (4, 4))
    assert centres[:, :, 0].tolist() == [[2, 6], [2, 6], [6, 10], [6, 10], [8, 12], [8, 12]]
    assert centres[:, :, 1].tolist() == [[2, 2], [6, 6]] * 3


def test_windows_lower_than_the_network_have_flat_patches():
    plan = make_plan("slide", (100, 1000), 448, 14)  # windows of 205 x 448 canvas pixels, seen at 448 x 448
    _, size = patch_places(plan, (100, 1000), (32, 32))
    assert size == pytest.approx((205 / 32 * 100 / 205, 448 / 32 * 1000 / 2048))


def test_features_times_vectors_are_the_scores():
    image = seeded_image(8, 8)
    seen = make_segmenter().segment(image, vocabulary(vectors=VECTORS), return_scores=True, return_patches=True)
    assert (seen.patches.features.shape, seen.patches.features.dtype) == ((4, 4, 3), np.float16)
    np.testing.assert_allclose(cosines_with(seen.patches), seen.scores, atol=HALF)
    np.testing.assert_allclose(cosines_with(seen.patches), cosines_of(image, 2, VECTORS), atol=HALF)
    np.testing.assert_allclose(np.linalg.norm(seen.patches.features.astype(float), axis=-1), 1, atol=2 * HALF)


def test_aspect_features_are_those_of_the_whole_image():
    image = seeded_image(8, 12)
    patches = make_segmenter(input="aspect").segment(image, vocabulary(), return_patches=True).patches
    np.testing.assert_allclose(cosines_with(patches), cosines_of(image, 2, VECTORS), atol=HALF)
    assert patches.centres[-1, -1].tolist() == [11, 7]


def test_slide_features_are_each_windows_own():
    image = seeded_image(8, 12)
    patches = make_segmenter(input="slide").segment(image, vocabulary(), return_patches=True).patches
    windows = [cosines_of(image[:, left : left + 8], 2, VECTORS) for left in (0, 4)]
    np.testing.assert_allclose(cosines_with(patches), np.concatenate(windows, axis=1), atol=HALF)
    assert patches.centres[[0, 4], 0, 0].tolist() == [1, 5]


def test_patches_come_for_the_images_they_are_asked_for_and_change_no_mask():
    images, segmenter = [seeded_image(8, 8), seeded_image(8, 8)[::-1]], make_segmenter(refine="pamr")
    plain = segmenter.segment(images, vocabulary())
    assert [seen.patches for seen in plain] == [None, None]
    first, second = segmenter.segment(images, vocabulary(), return_patches=[False, True])
    assert first.patches is None
    np.testing.assert_allclose(cosines_with(second.patches), cosines_of(images[1], 2, VECTORS), atol=HALF)
    for seen, before in zip((first, second), plain, strict=True):
        np.testing.assert_array_equal(seen.class_ids, before.class_ids)
        np.testing.assert_array_equal(seen.confidence, before.confidence)


def test_a_black_patch_has_no_features_rather_than_nan():
    patches = make_segmenter().segment(np.zeros((8, 8, 3), np.uint8), vocabulary(), return_patches=True).patches
    assert not patches.features.any()


def test_as_many_answers_as_images_are_expected():
    with pytest.raises(ModelError, match="return_patches has 2 values for 1 image, expected one, or one for each"):
        make_segmenter().segment([seeded_image(8, 8)], vocabulary(), return_patches=[True, True])


WIDTH, HALVES = 48, ((0.5,) * 3, (0.5,) * 3)


@pytest.fixture(scope="module")
def encoders(seed):
    """A tiny ViT alone, as Talk2DINO takes it, and with dino.txt's head behind it."""
    options = {"img_size": 56, "embed_dim": WIDTH, "depth": 2, "num_heads": 3, "num_classes": 0}
    network = timm.create_model("vit_base_patch14_reg4_dinov2", dynamic_img_size=True, **options)
    head = VisionHead(WIDTH, 3)
    seed(network, 3)
    seed(head, 4)
    return {"backbone": DinoImageEncoder(network, *HALVES), "head": HeadedImageEncoder(network, head, *HALVES)}


@pytest.mark.parametrize("source", ["backbone", "head"])
@pytest.mark.parametrize("mode", ["square", "aspect"])
def test_features_of_talk2dino_and_of_dinotxts_head_are_what_the_words_are_compared_with(encoders, source, mode):
    model = replace(
        MODELS["mini"],
        name="tiny",
        patch_size=14,
        base_size=56,
        embedding_size=WIDTH,
        load_image_encoder=lambda _checkpoints, _dtype: encoders[source],
    )
    vectors = np.random.default_rng(8).normal(size=(4, WIDTH))
    words = Vocabulary.from_embeddings(["a", "b", "!c", "?d"], vectors)
    networks = Networks(model, {}, "cpu", torch.float32, find_word_files=dict)
    segmenter = Segmenter(model, networks, Options(input=mode))
    seen = segmenter.segment(seeded_image(60, 90), words, return_scores=True, return_patches=True)
    found = np.einsum("hwd,cd->chw", seen.patches.features.astype(np.float64), words.embeddings)
    assert seen.scores.std() > 0.05
    np.testing.assert_allclose(found, seen.scores, atol=HALF)
