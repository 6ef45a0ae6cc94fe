# SPDX-License-Identifier: Apache-2.0
"""What a training may go on with: its own checkpoint, whole, and nothing else."""

import json
import resource

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from training_features import CHECKPOINT, small_recipe, trainer_in

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.train.training_checkpoint import KEY, load_standing


def test_the_checkpoint_has_no_pickle_and_states_its_step(tmp_path):
    trainer_in(tmp_path, small_recipe()).run()
    with safe_open(tmp_path / CHECKPOINT, "pt") as file:
        assert '"step": 24' in file.metadata()["talk2dino_training"]
        assert {key.split(".")[0] for key in file.keys()} == {"projection", "adam"}  # noqa: SIM118
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHECKPOINT]


@pytest.mark.parametrize(
    ("changes", "subject", "sentence"),
    [
        ({"learning_rate": 1e-3}, {}, "with learning_rate 0.01, expected 0.001"),
        ({"batch": 6}, {}, "with batch 8, expected 6"),
        ({"model": "talk2dino_vitl"}, {}, "with model talk2dino_vitb, expected talk2dino_vitl"),
        ({}, {"train": {"image_sum": "b" * 64}}, "with train.image_sum a, expected bbbbbbbbbbbb…;"),
        (
            {},
            {"train": {"image_sum": "a"}, "val": {"image_sum": "c"}},
            "of a training without the split val, expected one with it",
        ),
        ({"epochs": 2}, {}, "is beyond epoch 2, expected at most the 2 epochs of the recipe; raise epochs"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(changes, subject, sentence, tmp_path):
    first = trainer_in(tmp_path, small_recipe(), subject={"train": {"image_sum": "a"}})
    for _ in range(8 + 8 + 1):  # two epochs and a step
        first.take_step()
    first.save()
    with pytest.raises(TrainingError) as caught:
        trainer_in(tmp_path, small_recipe(**changes), subject=subject or {"train": {"image_sum": "a"}})
    assert sentence in str(caught.value)
    assert "--fresh" in str(caught.value)


@pytest.mark.parametrize("damage", ["cut", "text", "other"])
def test_a_damaged_checkpoint_is_refused(damage, tmp_path):
    first = trainer_in(tmp_path, small_recipe())
    first.take_step()
    first.save()
    path = tmp_path / CHECKPOINT
    content = {"cut": path.read_bytes()[:-40], "text": b"{}", "other": save({"a": torch.ones(2)})}[damage]
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"cannot be read as a checkpoint .*, expected one of `talk2dino train`"):
        trainer_in(tmp_path, small_recipe())


def test_a_full_disk_is_an_error_and_keeps_the_last_checkpoint(tmp_path):
    recipe = small_recipe()
    trainer = trainer_in(tmp_path, recipe)
    trainer.take_step()
    trainer.save()
    trainer.take_step()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))  # bytes of a file; what is beyond is "File too large"
    try:
        with pytest.raises(TrainingError, match=rf"{CHECKPOINT} cannot be written .* expected room for 0\.00 MB"):
            trainer.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert trainer_in(tmp_path, recipe).step == 1
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]


def test_a_checkpoint_of_another_set_of_splits_is_refused(tmp_path):
    first = trainer_in(tmp_path, small_recipe(), subject={"train": {}, "val": {}})
    first.take_step()
    first.save()
    with pytest.raises(TrainingError, match="of a training with the split val, expected one without it; begin anew"):
        trainer_in(tmp_path, small_recipe(), subject={"train": {}})


def without(name):
    return lambda tensors: tensors.pop(name)


def reshaped(name):
    return lambda tensors: tensors.update({name: torch.zeros(2, 3)})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (without("adam.exp_avg.linear_layer.bias"), "adam.exp_avg.linear_layer.bias is missing, expected [12]"),
        (without("projection.linear_layer.bias"), "projection.linear_layer.bias is missing, expected [12]"),
        (without("best.linear_layer.bias"), "best.linear_layer.bias is missing, expected [12]"),
        (without("adam.step.linear_layer.bias"), "adam.step.linear_layer.bias is missing, expected []"),
        (reshaped("projection.linear_layer.weight"), "projection.linear_layer.weight is [2, 3], expected [12, 6]"),
        (reshaped("adam.exp_avg_sq.linear_layer.weight"), "exp_avg_sq.linear_layer.weight is [2, 3], expected [12, 6]"),
        (reshaped("other"), "other is [2, 3], expected none"),
    ],
)
def test_a_checkpoint_whose_tensors_do_not_fit_is_refused(change, sentence, tmp_path):
    recipe = small_recipe(keep="best")
    trainer_in(tmp_path, recipe).run()
    path = tmp_path / CHECKPOINT
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    change(tensors)
    path.write_bytes(save(tensors, metadata))
    with pytest.raises(TrainingError) as caught:
        trainer_in(tmp_path, recipe)
    assert f"{CHECKPOINT} does not fit the projection: " in str(caught.value)
    assert sentence in str(caught.value)
    assert "begin anew with --fresh" in str(caught.value)


def test_a_fresh_training_leaves_the_old_checkpoint_until_it_has_its_own(tmp_path):
    trainer_in(tmp_path, small_recipe()).run()
    before = (tmp_path / CHECKPOINT).read_bytes()
    fresh = trainer_in(tmp_path, small_recipe(learning_rate=1e-3), fresh=True)
    assert fresh.step == 0
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    fresh.run()
    assert trainer_in(tmp_path, small_recipe(learning_rate=1e-3)).is_done


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "a"},
        {"subject": {"recipe": "a"}},
        {"subject": []},
        {"step": "3"},
        {"step": -1},
        {"waits": None},
        {"best_loss": "low"},
        {"history": "a"},
        {"history": [3]},
    ],
)
def test_a_checkpoint_of_other_types_is_refused(changes, tmp_path):
    right = {"format": 1, "subject": {"recipe": {"batch": 2}}, "step": 3, "best_loss": None, "history": [{"epoch": 1}]}
    path = tmp_path / "checkpoint"
    path.write_bytes(save({"a": torch.ones(1)}, {KEY: json.dumps(right)}))
    assert load_standing(path, right["subject"]).step == 3
    path.write_bytes(save({"a": torch.ones(1)}, {KEY: json.dumps({**right, **changes})}))
    with pytest.raises(TrainingError, match="cannot be read as a checkpoint"):
        load_standing(path, right["subject"])
