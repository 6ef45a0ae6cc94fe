# SPDX-License-Identifier: Apache-2.0
"""The order of the captions: all of them each epoch, from seed and step alone."""

import torch

from talk2dino_ros.engine.train.sampler import Sampler


def epoch(sampler, number):
    first = number * sampler.steps_per_epoch
    return [sampler.rows(first + step) for step in range(sampler.steps_per_epoch)]


def test_an_epoch_shows_each_caption_once_and_its_last_batch_has_what_is_left():
    batches = epoch(Sampler(10, 4, seed=3), 2)
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert sorted(torch.cat(batches).tolist()) == list(range(10))


def test_coco_has_the_steps_of_the_authors_run():
    assert Sampler(414_113, 128, seed=123).steps_per_epoch == 3236


def test_a_step_is_the_same_whatever_came_before_it():
    asked, fresh = Sampler(50, 8, seed=1), Sampler(50, 8, seed=1)
    for step in range(20):
        asked.rows(step)
    assert torch.equal(asked.rows(20), fresh.rows(20))


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = [torch.cat(epoch(Sampler(50, 8, seed), number)).tolist() for seed in (1, 2) for number in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert list(range(50)) not in orders
