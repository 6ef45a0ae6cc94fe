# SPDX-License-Identifier: Apache-2.0
"""Training learns, stops and goes on as it should, to the bit."""

import math

import pytest
import torch
from safetensors.torch import load_file
from training_features import CHECKPOINT, learnable_features, pairs, same, small_recipe, trainer_in

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.train.distributed import Ranks
from talk2dino_ros.engine.train.loss import best_heads, info_nce
from talk2dino_ros.engine.train.pairs import Pairs
from talk2dino_ros.engine.train.trainer import Trainer, new_projection
from talk2dino_ros.engine.train.validation import ValidationFigures


def test_training_generalises_to_unseen_images_and_choosing_heads_beats_averaging(tmp_path):
    recall = {}
    for choice in ("max_score", "mean_heads", "average"):
        recipe = small_recipe(epochs=25, batch=24, hidden_size=32, head_choice=choice)
        held_out = pairs(choice, images=20, seed=1)
        (tmp_path / choice).mkdir()
        trainer = Trainer(recipe, pairs(choice, images=120), held_out, checkpoint=tmp_path / choice / CHECKPOINT)
        recall[choice] = trainer.run().history[-1]["text_to_image_1"]
    assert recall["max_score"] > 0.8  # chance is 0.05
    assert recall["max_score"] > max(recall["mean_heads"], recall["average"]) + 0.1


def test_the_first_step_is_adams_as_computed_by_hand(tmp_path):
    """Adam's first step moves each value by lr * g / (|g| + eps); its moments' corrections cancel."""
    recipe = small_recipe(loss_divisor="batch_squared", eps=1e-4)
    trainer = trainer_in(tmp_path, recipe)
    start = new_projection(recipe, pairs())
    texts, heads = pairs().take(trainer._sampler.rows(0))
    projected = start(texts)
    (info_nce(projected, best_heads(projected, heads), recipe.logit_scale) / 8**2).backward()
    trainer.take_step()
    for name, parameter in trainer.projection.named_parameters():
        before = start.get_parameter(name)
        moved = recipe.learning_rate * before.grad / (before.grad.abs() + recipe.eps)
        assert torch.allclose(parameter.detach(), before.detach() - moved, atol=1e-7)


def test_dividing_the_loss_by_the_squared_batch_is_an_eps_so_many_times_larger(tmp_path):
    """What the shipped recipe's comment says."""
    states = []
    for divisor, eps in (("batch_squared", 1e-3), ("none", 1e-3 * 10**2), ("none", 1e-3)):
        folder = tmp_path / f"{divisor}{eps}"
        folder.mkdir()
        recipe = small_recipe(batch=10, loss_divisor=divisor, eps=eps)  # 60 captions: every batch is full
        states.append(trainer_in(folder, recipe).run().state["linear_layer.weight"])
    divided, raised, plain = states
    assert torch.allclose(divided, raised, atol=1e-5)
    assert not torch.allclose(divided, plain, atol=1e-2)


def test_a_run_resumed_from_any_step_ends_with_the_same_bits(tmp_path):
    recipe = small_recipe(keep="best")
    (tmp_path / "whole").mkdir()
    whole = trainer_in(tmp_path / "whole", recipe).run()
    for steps in (1, 8, 13):  # 8 steps are an epoch
        folder = tmp_path / str(steps)
        folder.mkdir()
        first = trainer_in(folder, recipe)
        while first.step < steps:
            first.take_step()
            if first.step % 8 == 0:
                first._end_epoch()
        first.save()
        second = trainer_in(folder, recipe)
        assert second.step == steps
        learned = second.run()
        assert same(learned.state, whole.state)
        assert learned.history == whole.history
        assert same(load_file(folder / CHECKPOINT), load_file(tmp_path / "whole" / CHECKPOINT))


def test_a_finished_run_is_reported_again_and_continues_with_more_epochs(tmp_path):
    learned = trainer_in(tmp_path, small_recipe(epochs=2)).run()
    again = trainer_in(tmp_path, small_recipe(epochs=2))
    assert again.is_done
    assert same(again.run().state, learned.state)
    (tmp_path / "whole").mkdir()
    longer = trainer_in(tmp_path, small_recipe(epochs=4)).run()
    whole = trainer_in(tmp_path / "whole", small_recipe(epochs=4)).run()
    assert (longer.epoch, longer.step) == (4, 32)
    assert same(longer.state, whole.state)


def test_the_seed_decides_the_run_and_leaves_torchs_global_generator_alone(tmp_path):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    states = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        states.append(trainer_in(tmp_path / name, small_recipe(seed=seed)).run().state)
    assert torch.equal(torch.rand(3), expected)
    assert same(states[0], states[1])
    assert not same(states[0], states[2])
    begins = [new_projection(small_recipe(seed=seed), pairs()).linear_layer.weight for seed in (1, 1, 2)]
    assert torch.equal(begins[0], begins[1])
    assert not torch.equal(begins[0], begins[2])


def test_the_best_epoch_is_kept_where_the_recipe_says_so(tmp_path):
    learned = trainer_in(tmp_path, small_recipe(epochs=12, keep="best"), world=1).run()  # where it gets worse
    losses = [each["loss"] for each in learned.history]
    assert learned.epoch == 1 + losses.index(min(losses)) < 12
    (tmp_path / "short").mkdir()
    until_best = trainer_in(tmp_path / "short", small_recipe(epochs=learned.epoch)).run()
    assert same(learned.state, until_best.state)


def test_training_stops_when_patience_ends(tmp_path):
    recipe = small_recipe(epochs=50, patience=2)
    learned = trainer_in(tmp_path, recipe, world=1).run()
    losses = [each["loss"] for each in learned.history]
    best = losses.index(min(losses))
    assert learned.epoch == len(losses) == best + 1 + 2 < 50
    assert trainer_in(tmp_path, recipe, world=1).is_done


def test_patience_begins_anew_with_each_lower_loss(tmp_path, monkeypatch):
    losses = [3.0, 2.0, 2.5, 1.0, 1.0, 4.0, 0.5]
    figures = (ValidationFigures(loss, 0.0, 0.0, 0.0, 0.0) for loss in losses)
    monkeypatch.setattr("talk2dino_ros.engine.train.trainer.validate", lambda *_: next(figures))
    learned = trainer_in(tmp_path, small_recipe(epochs=20, patience=2, keep="best")).run()
    assert [each["loss"] for each in learned.history] == losses[:6]
    assert learned.epoch == 4


def test_validation_runs_only_every_so_many_epochs(tmp_path):
    learned = trainer_in(tmp_path, small_recipe(epochs=5, validate_every=2)).run()
    assert [each["epoch"] for each in learned.history] == [2, 4]


def test_curves_get_the_losses(tmp_path):
    noted = []
    trainer = trainer_in(tmp_path, small_recipe(epochs=13), note=lambda *point: noted.append(point))
    history = trainer.run().history
    train = [point for point in noted if point[0] == "loss/train"]
    assert [step for _, _, step in train] == [50, 100]
    assert ("validation/loss", history[12]["loss"], 104) in noted


@pytest.mark.parametrize("changes", [{"patience": 3}, {"keep": "best"}])
def test_early_stopping_needs_a_validation_split(changes, tmp_path):
    with pytest.raises(TrainingError, match="have no validation split"):
        trainer_in(tmp_path, small_recipe(**changes), validation=False)


def test_a_nan_loss_ends_the_run_and_keeps_the_checkpoint(tmp_path):
    recipe = small_recipe()
    trainer = trainer_in(tmp_path, recipe)
    trainer.take_step()
    trainer.save()
    trainer._train.text[:] = math.nan
    with pytest.raises(TrainingError, match="has values that are no numbers at step 24, expected finite ones"):
        trainer.run()
    assert trainer_in(tmp_path, recipe).step == 1


def test_a_model_without_heads_needs_their_average():
    features = learnable_features()
    features.heads = features.heads[:, :0]
    assert Pairs.of(features, "average").images.shape == (30, 1, 10)
    with pytest.raises(TrainingError, match="head_choice is max_score, but the store's model has no attention heads"):
        Pairs.of(features, "max_score")


def test_the_mean_of_heads_is_theirs():
    features = learnable_features()
    assert torch.allclose(Pairs.of(features, "mean_heads").images[:, 0], features.heads.float().mean(1).half())


def test_training_with_a_single_caption_is_refused(tmp_path):
    one = Pairs.of(learnable_features(images=1, captions=1), "max_score")
    with pytest.raises(TrainingError, match="there is 1 caption to train on, expected at least 2"):
        Trainer(small_recipe(), one, None, checkpoint=tmp_path / CHECKPOINT)


class Second(Ranks):
    """A process whose first one works, but has no room to save."""

    def share(self, rows):
        return rows

    def first_alone(self, work):
        if getattr(work, "__name__", "") == "_save":
            raise TrainingError("no room")
        return work()


def test_all_processes_end_if_the_first_cannot_save(tmp_path):
    trainer = trainer_in(tmp_path, small_recipe(), ranks=Second(rank=1))
    with pytest.raises(TrainingError, match="no room"):
        trainer.run()


def test_all_processes_save_by_the_first_processs_clock(tmp_path):
    asked = []

    class Counting(Ranks):
        def first_alone(self, work):
            asked.append(trainer.step if "_is_time" in work.__qualname__ else None)
            return work()

    ranks = Counting()
    trainer = trainer_in(tmp_path, small_recipe(batch=2, epochs=2), ranks=Ranks())  # 30 steps an epoch
    trainer.ranks = ranks
    trainer.run()
    assert [step for step in asked if step is not None] == [30, 50]  # and at the end, whatever the clock says
