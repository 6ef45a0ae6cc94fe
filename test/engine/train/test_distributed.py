# SPDX-License-Identifier: Apache-2.0
"""What processes share out, and what they are told; test_job.py has two of them train."""

import pytest
import torch
from training_features import learnable_features, small_recipe

from talk2dino_ros.engine.errors import ModelError, TrainingError
from talk2dino_ros.engine.train.distributed import Ranks, open_ranks
from talk2dino_ros.engine.train.pairs import Pairs
from talk2dino_ros.engine.train.trainer import Trainer


@pytest.mark.parametrize(("count", "sizes"), [(2, [3, 2]), (4, [2, 1, 1, 1]), (7, [1, 1, 1, 1, 1, 0, 0])])
def test_a_batch_is_distributed_completely_and_in_order(count, sizes):
    parts = [Ranks(rank, count).share(torch.arange(5)) for rank in range(count)]
    assert [len(part) for part in parts] == sizes
    assert torch.cat(parts).tolist() == [0, 1, 2, 3, 4]


def test_a_single_process_shares_nothing_and_raises_errors_unchanged():
    def fail():
        raise ModelError("as it was")

    with open_ranks("cuda:1") as (ranks, device):
        assert (ranks, device) == (Ranks(), "cuda:1")
    with pytest.raises(ModelError, match="as it was"):
        Ranks().first_alone(fail)


def test_one_gpu_named_for_several_processes_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with (
        pytest.raises(TrainingError, match="device is cuda:0 for 2 processes, expected cuda or cpu"),
        open_ranks("cuda:0"),
    ):
        pass


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "999")
    monkeypatch.setenv("LOCAL_RANK", "998")
    with pytest.raises(ModelError, match="device cuda:998 was asked for"), open_ranks("cuda"):
        pass


class Elsewhere(Ranks):
    """A process of a machine that the first one's checkpoint did not come to."""

    def first_alone(self, work):
        return 24


def test_a_process_that_sees_another_checkpoint_than_the_first_is_refused(tmp_path):
    pairs = Pairs.of(learnable_features(), "max_score")
    with pytest.raises(TrainingError, match="is at step 0 here and at 24 for the first process"):
        Trainer(small_recipe(), pairs, pairs, checkpoint=tmp_path / "a.safetensors", ranks=Elsewhere())
