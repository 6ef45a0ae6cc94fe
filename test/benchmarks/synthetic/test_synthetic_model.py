# SPDX-License-Identifier: Apache-2.0
"""The backbone, its file and the row of a model, with a backbone that is taught next to nothing."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.synthetic import backbone
from benchmarks.synthetic.backbone import ATTRIBUTES, BackboneRecipe, attributes_of, teach_backbone
from benchmarks.synthetic.proof import drawn, mean_iou, segmented
from benchmarks.synthetic.synthetic_attention import covered, weight_on_named
from benchmarks.synthetic.synthetic_mapping import captions_of, extract_scenes, learn_mapping
from benchmarks.synthetic.synthetic_model import make_synthetic_model, open_segmenter
from benchmarks.synthetic.synthetic_world import SIZE, WORDS, DrawnObject, Scene, draw_scenes

HASTY = BackboneRecipe(width=16, depth=2, heads=2, scenes=40, steps=3)


@pytest.fixture(scope="module")
def scenes():
    return draw_scenes(12, 3)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_synthetic_model(tmp_path_factory.mktemp("hasty"), 0, HASTY)


def halves(left, right):
    """A scene of which the left half is one word and the right half another."""
    truth = np.full((SIZE, SIZE), WORDS.index(right), np.int16)
    truth[:, : SIZE // 2] = WORDS.index(left)
    return Scene(np.zeros((SIZE, SIZE, 3), np.uint8), truth, (), right, ())


def test_the_synthetic_backbones_targets_name_attributes_without_their_pairing():
    objects = (DrawnObject("striped", "red", "disc"), DrawnObject("plain", "blue", "ring"))
    swapped = (DrawnObject("plain", "red", "cross"), DrawnObject("striped", "blue", "disc"))
    told, told_swapped = (
        attributes_of(Scene(np.zeros(0, np.uint8), np.zeros(0, np.int16), some, "sand", ()))
        for some in (objects, swapped)
    )

    assert [name for name, value in zip(ATTRIBUTES, told, strict=True) if value] == [
        "red", "blue", "plain", "striped", "sand",
    ]  # fmt: skip
    torch.testing.assert_close(told, told_swapped, rtol=0, atol=0)


def test_cells_are_the_means_of_each_patch_s_squares_patch_by_patch():
    images = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))

    cells = backbone._cells(images).view(2, 8, 8, 3, 6, 6)

    for image, row, column, channel, y, x in ((0, 0, 0, 0, 0, 0), (1, 3, 5, 2, 4, 1), (1, 7, 0, 1, 5, 5)):
        top, left = 12 * row + 2 * y, 12 * column + 2 * x
        expected = images[image, channel, top : top + 2, left : left + 2].mean()
        torch.testing.assert_close(cells[image, row, column, channel, y, x], expected)


def test_the_same_seed_trains_the_same_backbone():
    scenes = draw_scenes(HASTY.scenes, 0)
    first, again, other = (teach_backbone(HASTY, scenes, seed) for seed in (0, 0, 1))

    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["blocks.0.attn.qkv.weight"], other["blocks.0.attn.qkv.weight"])


def test_training_lowers_the_residual_of_a_linear_readout():
    scenes = draw_scenes(40, 0)
    images = torch.from_numpy(np.stack([scene.rgb for scene in scenes])).permute(0, 3, 1, 2) / 255
    pixels = (images - 0.45) / 0.25
    cells = backbone._cells(pixels)

    def residual(steps):
        """What a linear reading of the patches leaves of the pictures' variance."""
        recipe = BackboneRecipe(width=16, depth=2, heads=2, scenes=40, steps=steps)
        network = backbone.new_backbone(recipe).eval()
        network.load_state_dict(teach_backbone(recipe, scenes, 0))
        with torch.inference_mode():
            tokens = network.forward_features(pixels)[:, 1:].flatten(0, 1)
        target = cells.flatten(0, 1)
        return float((tokens @ torch.linalg.lstsq(tokens, target).solution - target).square().mean())

    assert residual(60) < 0.8 * residual(1)


def test_the_model_row_loads_the_trained_network_with_its_attention(model, scenes):
    encoder = open_segmenter(model).networks.image_encoder
    taught = backbone.new_backbone(HASTY).eval()
    taught.load_state_dict(teach_backbone(HASTY, draw_scenes(HASTY.scenes, (0, 0)), 0))
    image = torch.from_numpy(scenes[0].rgb).permute(2, 0, 1)[None] / 255

    with torch.inference_mode():
        seen = encoder(image, return_attention=True)
        expected = taught.forward_features((image - 0.45) / 0.25)[:, 1:]

    torch.testing.assert_close(seen.patch_features.flatten(2).transpose(1, 2), expected, rtol=1e-4, atol=1e-5)
    assert seen.cls_attention.shape == (1, 2, 64)


def test_the_extraction_gets_each_scenes_exact_pixels(scenes):
    captions = captions_of(scenes)

    assert [example.captions for example in captions.examples] == [scene.captions for scene in scenes]
    for example, scene in zip(captions.examples, scenes, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(example.read()))), scene.rgb)


def test_a_mapping_is_learned_for_each_head_choice_and_read_back(model, scenes, tmp_path):
    store = extract_scenes(model, scenes, tmp_path / "store")

    rows = {
        choice: learn_mapping(model, store, tmp_path / f"{choice}.safetensors", head_choice=choice, epochs=1)
        for choice in ("max_score", "mean_heads", "average")
    }

    rows["control"] = learn_mapping(model, store, tmp_path / "control.safetensors", epochs=1, shuffled=True)

    assert tuple(store.heads.shape) == (12, 2, 16)
    vectors = [open_segmenter(row).encode_vocabulary(["sand"]).embeddings for row in (model, *rows.values())]
    for i, vector in enumerate(vectors):
        assert not any(np.allclose(vector, other) for other in vectors[:i])


def test_the_segmenters_class_ids_are_those_of_the_ground_truth(model, scenes):
    figures = segmented(open_segmenter(model), scenes[:2], [WORDS.index("sand")])

    sand = np.mean([scene.truth == WORDS.index("sand") for scene in scenes[:2]])
    assert np.nan_to_num(figures.iou[WORDS.index("sand")]) == pytest.approx(sand)


def test_the_chance_level_is_that_of_counting():
    scene = halves("sand", "grass")

    constant = drawn([scene], [WORDS.index("sand")])
    by_lot = drawn([scene], [WORDS.index("sand"), WORDS.index("grass")])

    assert constant.mean_iou == pytest.approx(0.5 / 2)  # half of it is right; grass has none
    assert by_lot.mean_iou == pytest.approx(0.25 / 0.75, abs=0.02)
    assert mean_iou(constant, [WORDS.index("sand")]) == pytest.approx(0.5)


def test_a_patch_is_covered_by_the_share_of_its_pixels():
    scene = halves("sand", "grass")
    scene.truth[:12, :3] = WORDS.index("grass")

    shares = covered(scene, WORDS.index("sand")).reshape(8, 8)

    assert shares[0, 0] == pytest.approx(0.75)
    assert (shares[1:, :4] == 1).all()
    assert (shares[:, 4:] == 0).all()


def test_the_weight_of_plain_averaging_is_the_object_s_area(model, scenes):
    areas = [(scene.truth == word).mean() for scene in scenes for word in {drawn.word for drawn in scene.objects}]

    weights = weight_on_named(model, scenes)

    assert weights["average"] == pytest.approx(np.mean(areas))
    assert all(0 < share < 1 for share in weights.values())
