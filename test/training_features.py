# SPDX-License-Identifier: Apache-2.0
"""Recipes, features and trainers for the tests of training: small, seeded, and learnable."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from talk2dino_ros.engine.train.pairs import Pairs
from talk2dino_ros.engine.train.recipe import find_recipe, read_recipe
from talk2dino_ros.engine.train.trainer import Trainer

CHECKPOINT = "run.checkpoint.safetensors"
PAPER = read_recipe(find_recipe("talk2dino_vitb"))


def small_recipe(**changes):
    """Few epochs of small batches, at a rate that learns in them."""
    values = {"epochs": 3, "batch": 8, "learning_rate": 1e-2, "loss_divisor": "none", "hidden_size": 12}
    return replace(PAPER, **{**values, **changes})


@dataclass
class Features:
    heads: Tensor
    average: Tensor
    text: Tensor
    image_of_text: Tensor


def learnable_features(images=30, captions=2, *, heads=3, text_size=6, embedding_size=10, seed=0, world=0):
    """Images of which one head, another for each, shows what the captions say; the other heads are noise.

    world: of two sets with one world, what is learned on one holds for the other.
    """
    generator = torch.Generator().manual_seed(100 + world)
    mapping = torch.randn(text_size, embedding_size, generator=generator)
    generator = torch.Generator().manual_seed(seed)
    meaning = torch.randn(images, text_size, generator=generator)
    vectors = torch.randn(images, heads, embedding_size, generator=generator)
    vectors[torch.arange(images), torch.arange(images) % heads] = torch.tanh(meaning) @ mapping
    image_of_text = torch.arange(images).repeat_interleave(captions)
    text = meaning[image_of_text] + 0.1 * torch.randn(len(image_of_text), text_size, generator=generator)
    return Features(vectors.half(), vectors.mean(dim=1).half(), text.half(), image_of_text)


def pairs(head_choice="max_score", **options):
    return Pairs.of(learnable_features(**options), head_choice)


def trainer_in(folder, recipe, *, validation=True, head_choice="max_score", world=0, **options):
    held_out = pairs(head_choice, images=20, seed=1, world=world) if validation else None
    return Trainer(recipe, pairs(head_choice), held_out, checkpoint=folder / CHECKPOINT, **options)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
