# SPDX-License-Identifier: Apache-2.0
"""A segmenter with networks so small that a person can follow them, and the formulas it stands for."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from talk2dino_ros.engine.models.networks import Networks
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.models.vit import ImageFeatures
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.vocabulary import Vocabulary

WORDS = ["red", "green", "blue"]


class MeanColour(nn.Module):
    """A patch's feature is its mean colour, doubled in length, and its attention that of three fixed heads."""

    has_attention = True

    def __init__(self, patch_size):
        super().__init__()
        self.patch_size = patch_size

    def at_size(self, size):
        return None

    def forward(self, images, return_attention=False):
        features = 2 * nn.functional.avg_pool2d(images, self.patch_size)
        heads = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
        attention = torch.einsum("md,bdp->bmp", heads, features.flatten(2)) if return_attention else None
        return ImageFeatures(features, attention)


class LetterCounts(nn.Module):
    """A prompt's feature is how often r, g and b occur in it."""

    def encode(self, prompts):
        return torch.tensor([[float(prompt.count(letter)) for letter in "rgb"] for prompt in prompts])

    def truncated(self, prompts):
        return [len(prompt) > 30 for prompt in prompts]


class Squares(nn.Module):
    """A projection that is not linear."""

    def forward(self, features):
        return features**2


def make_segmenter(patch_size=2, base_size=8, projection=None, templates=("{}",), **options):
    model = replace(
        MODELS["mini"],
        name="tiny",
        base_size=base_size,
        embedding_size=3,
        templates=templates,
        load_image_encoder=lambda _checkpoints, _dtype: MeanColour(patch_size),
        load_text_encoder=lambda _checkpoints: LetterCounts(),
        load_projection=lambda _checkpoints: projection or nn.Identity(),
    )
    return Segmenter(model, Networks(model, {}, "cpu", torch.float32), Options(**options))


def vocabulary(names=WORDS, vectors=None):
    return Vocabulary.from_embeddings(names, np.eye(3) if vectors is None else vectors)


def seeded_image(height, width):
    return np.random.default_rng(11).integers(0, 256, (height, width, 3), dtype=np.uint8)


def cosines_of(image, patch_size, vectors):
    height, width = image.shape[0] // patch_size, image.shape[1] // patch_size
    patches = (image / 255).reshape(height, patch_size, width, patch_size, 3).mean(axis=(1, 3))
    unit = patches / np.linalg.norm(patches, axis=-1, keepdims=True)
    return np.einsum("hwd,cd->chw", unit, vectors)


def stretched(grid, height, width):
    """Bilinear, corner to corner, one pixel at a time."""
    count, rows, columns = grid.shape
    result = np.empty((count, height, width))
    for y in range(height):
        for x in range(width):
            v, u = y * (rows - 1) / (height - 1), x * (columns - 1) / (width - 1)
            top, left = min(int(v), rows - 2), min(int(u), columns - 2)
            a, b = v - top, u - left
            square = grid[:, top : top + 2, left : left + 2]
            weights = np.outer([1 - a, a], [1 - b, b])
            result[:, y, x] = (square * weights).sum(axis=(1, 2))
    return result
