# SPDX-License-Identifier: Apache-2.0
"""The method `anchors`, its parts on worlds small enough for a head; test/cli/test_train.py runs the shipped recipe."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.models import mini
from talk2dino_ros.engine.train.anchor_words import AnchorWords, class_lemmas, collect_words, find_class, find_classes
from talk2dino_ros.engine.train.anchors import (
    AnchorRecipe,
    fit,
    make_targets,
    read_anchor_recipe,
    train_anchors,
)

DATA = Path(mini.__file__).parents[1] / "data"
RECIPE = DATA / "recipes" / "mini.yaml"
SHIPPED = AnchorRecipe("anchors", "mini", "../mini_words.yaml", 8.0, 0.1, 0.02)


def test_the_shipped_recipe_is_read():
    assert read_anchor_recipe(RECIPE) == SHIPPED


def few_words(breadth=1):
    """A word for class 0, one for a concept of `breadth` classes, one for nothing; then texts of two classes."""
    members = torch.zeros(1, mini.CLASSES, dtype=torch.bool)
    members[0, :breadth] = True
    return AnchorWords(["one", "broad", "void", "class 5", "class 7"], [0, 1000, 1002, 5, 7], 3, members)


def test_a_broad_words_target_leans_towards_the_axis_of_no_class():
    targets = make_targets(few_words(breadth=8), breadth_cost=0.02)
    assert targets.shape == (5, 1003)
    torch.testing.assert_close(targets.norm(dim=1), torch.ones(5))
    assert targets[0, 0] == 1
    # three doublings: 1 - 3 * 0.02
    assert targets[1, 1000] == pytest.approx(0.94)
    assert targets[1, 1002] == pytest.approx((1 - 0.94**2) ** 0.5)
    assert targets[2].nonzero().tolist() == [[1002]]
    assert targets[3].nonzero().tolist() == [[5]]


def test_texts_far_from_each_other_are_mapped_to_their_axes():
    features = F.normalize(torch.eye(mini.TEXT_SIZE)[:5], dim=1)
    projection = fit(features, few_words(breadth=2), SHIPPED)
    projected = F.normalize(projection(features), dim=1)
    assert projected.argmax(dim=1).tolist() == [0, 1000, 1002, 5, 7]
    assert (projected.max(dim=1).values > 0.95).all()


def test_a_text_similar_to_a_known_one_is_mapped_to_its_axis():
    features = F.normalize(torch.eye(mini.TEXT_SIZE)[:5], dim=1)
    near = F.normalize(0.9 * features[3] + 0.4 * torch.eye(mini.TEXT_SIZE)[100], dim=0)
    projected = fit(features, few_words(), SHIPPED)(near[None])
    assert projected.argmax() == 5


def test_the_projection_is_the_ridge_regression_in_its_dual_form():
    """Solved over texts and not over anchors; the file's float16 is all that differs."""
    words = few_words()
    features = F.normalize(torch.randn(5, mini.TEXT_SIZE, generator=torch.Generator().manual_seed(0)), dim=1)
    projection = fit(features, words, SHIPPED)
    design = torch.cat([torch.tanh(4 * (features @ features.T) - 4) + 1, torch.ones(5, 1)], dim=1).double()
    targets, ridge = make_targets(words, 0.02).double(), 0.1 * torch.eye(5, dtype=torch.float64)
    dual = torch.linalg.solve(design @ design.T + ridge, targets)
    torch.testing.assert_close(projection(features), (design @ design.T @ dual).float(), rtol=0, atol=5e-3)


def test_classes_are_found_by_first_lemma_lemma_number_and_run():
    lemmas = [["crane", "bird"], ["machine", "crane"], ["maillot"], ["maillot", "tank suit"]]
    assert find_class("crane", lemmas) == 0
    assert find_class("tank suit", lemmas) == 3
    assert find_class("maillot#3", lemmas) == 3
    assert find_classes(["crane..maillot#2", "crane"], lemmas) == [0, 1, 2]


@pytest.mark.parametrize(("name", "count"), [("maillot", 2), ("dog", 0), ("maillot#1000", 0), ("maillot#x", 0)])
def test_a_name_that_is_no_single_class_is_refused(name, count):
    with pytest.raises(TrainingError, match=rf"'{name}' names {count} ImageNet classes, expected 1; write"):
        find_class(name, class_lemmas())


def recipe_with(folder, **changes):
    path = folder / "mine.yaml"
    table = yaml.safe_load(RECIPE.read_text()) | changes
    path.write_text(yaml.safe_dump({key: value for key, value in table.items() if value is not None}))
    return path


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ridge": None}, r"lacks the key 'ridge', expected method, model"),
        ({"epochs": 3}, r"has the key 'epochs', expected method, model"),
        ({"method": "infonce"}, r"method is 'infonce', expected 'anchors'"),
        ({"model": "talk2dino_vitb"}, r"model is 'talk2dino_vitb', expected 'mini'"),
        ({"sharpness": "high"}, r"sharpness is 'high', expected a number from 1 to 100; correct the recipe"),
        ({"ridge": 0}, r"ridge is 0, expected a number from 1e-06"),
        ({"breadth_cost": True}, r"breadth_cost is True, expected a number"),
        ({"words": "nowhere.yaml"}, r"nowhere\.yaml cannot be read"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_refused(changes, sentence, tmp_path):
    with pytest.raises(TrainingError, match=sentence):
        train_anchors(recipe_with(tmp_path, **changes), tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"concepts: [", "cannot be read"),
        ("concepts: {Kätzchen: []}".encode("latin-1"), "cannot be read"),
        (b"- cat\n", "holds a list, expected keys and values"),
        (b"unsupported: [sky]\n", "has concepts 'None', expected a dict"),
        (b"concepts: {cat: [tabby]}\nunsupported: sky\n", "has unsupported 'sky', expected a list"),
        (b"concepts: {cat: [tabbby]}\nunsupported: []\n", "'tabbby' names 0 ImageNet classes"),
    ],
)
def test_a_file_of_words_that_cannot_be_used_is_refused(content, sentence, tmp_path):
    path = tmp_path / "words.yaml"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=sentence):
        collect_words(path)


def test_words_that_do_not_fit_mini_are_refused_and_nothing_is_written(tmp_path):
    (tmp_path / "few.yaml").write_text("concepts: {cat: [tabby, tiger cat]}\nunsupported: [sky]\n")
    with pytest.raises(TrainingError, match=r"make 1002 anchors and 1003 axes, expected mini's 1793 and 1216; set"):
        train_anchors(recipe_with(tmp_path, words="few.yaml"), tmp_path / "made")
    assert not (tmp_path / "made").exists()
