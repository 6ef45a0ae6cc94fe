# SPDX-License-Identifier: Apache-2.0
"""How well captions and images of the validation split find each other."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.train.loss import best_heads, info_nce
from talk2dino_ros.engine.train.pairs import Pairs
from talk2dino_ros.engine.train.recipe import Recipe

_CAPTIONS_AT_ONCE = 256


@dataclass(frozen=True)
class Figures:
    """loss: InfoNCE in batches of the recipe's size, not divided. The others are shares, 0..1.

    text_to_image_k: of captions whose image is among the k most like them.
    image_to_text_k: of images that have one of their captions among the k most like them.
    """

    loss: float
    text_to_image_1: float
    text_to_image_5: float
    image_to_text_1: float
    image_to_text_5: float


@torch.no_grad()
def validate(project: Callable[[Tensor], Tensor], pairs: Pairs, recipe: Recipe) -> Figures:
    """Judge a projection; the same captions in the same order each time."""
    chosen = evenly_spread(pairs, recipe.validation_images)
    likeness = _likeness(project, chosen)
    own = chosen.image_of_text[:, None] == torch.arange(len(chosen.images), device=likeness.device)
    return Figures(
        _loss(project, chosen, recipe),
        *(recall(likeness, own, count) for count in (1, 5)),
        *(recall(likeness.T, own.T, count) for count in (1, 5)),
    )


def evenly_spread(pairs: Pairs, images: int) -> Pairs:
    """Return so many images, evenly spread over those that have captions, with all of these."""
    with_captions = pairs.image_of_text.unique()
    count = min(images, len(with_captions))
    places = torch.arange(count, device=with_captions.device) * len(with_captions) // count
    kept = with_captions[places]
    rows = torch.isin(pairs.image_of_text, kept)
    return Pairs(pairs.text[rows], torch.searchsorted(kept, pairs.image_of_text[rows]), pairs.images[kept])


def _likeness(project: Callable[[Tensor], Tensor], pairs: Pairs) -> Tensor:
    """Cosines [m, n] of each caption with each image: of its heads, the one that the caption fits best."""
    heads = F.normalize(pairs.images.float(), dim=-1)
    texts = F.normalize(project(pairs.text.float()), dim=-1)
    parts = [torch.einsum("cd,nmd->cnm", part, heads).amax(dim=2) for part in texts.split(_CAPTIONS_AT_ONCE)]
    return torch.cat(parts)


def recall(likeness: Tensor, own: Tensor, count: int) -> float:
    """Return the share of rows with an own column among the `count` first; who is level with others comes last.

    likeness: [rows, columns]; own: bool, the same shape.
    """
    best_own = likeness.masked_fill(~own, -torch.inf).amax(dim=1, keepdim=True)
    ahead = ((likeness >= best_own) & ~own).sum(dim=1)
    return float((ahead < count).float().mean())


def _loss(project: Callable[[Tensor], Tensor], pairs: Pairs, recipe: Recipe) -> float:
    """In an order of its own: captions of one image beside each other would be each other's wrong answers."""
    count = len(pairs.text)
    order = torch.from_numpy(np.random.default_rng(recipe.seed).permutation(count))
    total = 0.0
    for rows in order.split(recipe.batch):
        features, heads = pairs.take(rows)
        texts = project(features)
        total += len(rows) * float(info_nce(texts, best_heads(texts, heads), recipe.logit_scale))
    return total / count
