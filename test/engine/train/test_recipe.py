# SPDX-License-Identifier: Apache-2.0
"""Recipes: the shipped ones say what the paper says, and every wrong key or value is told."""

import pytest

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.train.recipe import RECIPES, find_recipe, read_recipe, read_table

OWN = "based_on: talk2dino_vitb\n"


def recipe_of(tmp_path, text, *changes):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    return read_recipe(path, changes)


@pytest.mark.parametrize("name", ["talk2dino_vitb", "talk2dino_vitl", "talk2dinov3_vitb", "talk2dinov3_vitl"])
def test_a_shipped_recipe_has_the_values_of_the_authors_run_and_names_its_model(name):
    recipe = read_recipe(find_recipe(name))
    assert recipe.model == name
    assert (recipe.epochs, recipe.batch, recipe.learning_rate, recipe.eps) == (100, 128, 1e-4, 1e-8)
    assert (recipe.head_choice, recipe.keep, recipe.patience, recipe.seed) == ("max_score", "last", 0, 123)
    assert recipe.logit_scale == pytest.approx(1 / 0.07)
    assert recipe.logit_scale == pytest.approx(MODELS[name].logit_scale)
    assert recipe.divisor(128) == 16384
    assert recipe.divisor(49) == 49**2  # an epoch's last batch is divided by its own size, as in the authors' code
    assert recipe.input_size % MODELS[name].patch_size == 0


def test_the_recipes_of_all_models_with_a_learned_projection_are_shipped():
    learned = {name for name, model in MODELS.items() if any(file.role == "projection" for file in model.files)}
    assert {path.stem for path in RECIPES.glob("*.yaml")} == learned


def test_a_recipe_changes_what_it_is_based_on_and_the_command_line_changes_both(tmp_path):
    recipe = recipe_of(tmp_path, OWN + "epochs: 7\neps: 1e-6\n", "batch=64", "learning_rate=1e-3")
    assert (recipe.epochs, recipe.eps, recipe.batch, recipe.learning_rate) == (7, 1e-6, 64, 1e-3)
    (tmp_path / "more.yaml").write_text("based_on: own.yaml\nepochs: 8\n")
    more = read_recipe(tmp_path / "more.yaml")
    assert (more.epochs, more.eps, more.seed) == (8, 1e-6, 123)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (OWN + "epoch: 3", "has the key 'epoch', expected method, model, "),
        ("method: infonce\nmodel: talk2dino_vitb", "lacks input_size, precision, "),
        (OWN + "epochs: 2.5", "has epochs 2.5, expected a whole number"),
        (OWN + "epochs: true", "has epochs True, expected a whole number"),
        (OWN + "epochs: 0", "epochs is 0, expected 1 to 1e+06"),
        (OWN + "batch: 1", "batch is 1, expected 2 to"),
        (OWN + "learning_rate: fast", "has learning_rate 'fast', expected a number"),
        (OWN + "learning_rate: 1" + "0" * 400, "has learning_rate 1000"),  # no float is so large
        (OWN + "learning_rate: true", "has learning_rate True, expected a number"),
        (OWN + "learning_rate: .nan", "has learning_rate nan, expected a number"),
        (OWN + "learning_rate: 0", "learning_rate is 0.0, expected 1e-12 to 10"),
        (OWN + "head_choice: best", "head_choice is 'best', expected max_score or mean_heads or average"),
        (OWN + "keep: 3", "has keep 3, expected a word"),
        (OWN + "method: magic", "method is 'magic', expected infonce"),
        (OWN + "validate_every: 0\nkeep: best", "validate_every is 0 of 100 epochs with patience 0 and keep best"),
        (OWN + "validate_every: 5\nepochs: 4\npatience: 1", "validate_every is 5 of 4 epochs with patience 1"),
        ("based_on: own.yaml", "is based on itself"),
        ("based_on: other", "there is no recipe 'other', expected mini, talk2dino_vitb"),
        ("based_on: other.yaml", "other.yaml cannot be read"),
        ("- 1", "holds a list, expected keys and values"),
        ("a: [", "cannot be read"),
    ],
)
def test_an_invalid_recipe_is_refused_in_one_sentence(text, sentence, tmp_path):
    with pytest.raises(TrainingError) as caught:
        recipe_of(tmp_path, text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("epochs", "--set is 'epochs', expected key=value"),
        ("epochs=many", "has epochs 'many', expected a whole number"),
        ("lr=1", "has the key 'lr'"),
        ("epochs=[", "--set is 'epochs=[', expected key=value"),
    ],
)
def test_an_invalid_change_of_a_recipe_is_refused(change, sentence):
    with pytest.raises(TrainingError) as caught:
        read_recipe(find_recipe("talk2dino_vitb"), [change])
    assert sentence in str(caught.value)


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(TrainingError, match=r"no recipe 'vitb', expected mini, talk2dino_vitb, .* or a \.yaml file"):
        find_recipe("vitb")


def test_a_recipe_in_latin_1_is_refused(tmp_path):
    (tmp_path / "own.yaml").write_bytes(b"model: caf\xe9\n")
    with pytest.raises(TrainingError, match="cannot be read"):
        read_table(tmp_path / "own.yaml")
