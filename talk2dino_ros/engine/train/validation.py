# SPDX-License-Identifier: Apache-2.0
"""Validate a projection: loss and retrieval between captions and images of the validation split."""

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
_VALUES_AT_ONCE = 2**24  # likenesses, of each head, so that memory does not grow with the split
_PLACES = (1, 5)


@dataclass(frozen=True)
class ValidationFigures:
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
def validate(project: Callable[[Tensor], Tensor], pairs: Pairs, recipe: Recipe) -> ValidationFigures:
    """Compute the figures of a projection; the same captions in the same order each time."""
    chosen = evenly_spread(pairs, recipe.validation_images)
    shares = [recall(ahead, count) for ahead in _places(project, chosen) for count in _PLACES]
    return ValidationFigures(_loss(project, chosen, recipe), *shares)


def evenly_spread(pairs: Pairs, images: int) -> Pairs:
    """Return so many images, evenly spread over those that have captions, with all of these."""
    with_captions = pairs.image_of_text.unique()
    count = min(images, len(with_captions))
    places = torch.arange(count, device=with_captions.device) * len(with_captions) // count
    kept = with_captions[places]
    rows = torch.isin(pairs.image_of_text, kept)
    return Pairs(pairs.text[rows], torch.searchsorted(kept, pairs.image_of_text[rows]), pairs.images[kept])


def _places(project: Callable[[Tensor], Tensor], pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Rank each caption's own image among all images, and each image's own caption among all captions.

    Of the latter no more are counted than recall asks for. An image is as like a caption as its best head.
    """
    heads = F.normalize(pairs.images.float(), dim=-1)
    texts = F.normalize(project(pairs.text.float()), dim=-1)
    images = torch.arange(len(heads), device=heads.device)
    best_own = heads.new_full((1, len(heads)), -torch.inf)
    best_wrong = heads.new_full((max(_PLACES), len(heads)), -torch.inf)
    of_captions = []
    at_once = max(1, min(_CAPTIONS_AT_ONCE, _VALUES_AT_ONCE // (len(heads) * heads.shape[1])))
    for part, image_of_text in zip(texts.split(at_once), pairs.image_of_text.split(at_once), strict=True):
        likeness = torch.einsum("cd,nmd->cnm", part, heads).amax(dim=2)
        own = image_of_text[:, None] == images
        of_captions.append(wrong_ahead(likeness, own))
        best_own = torch.cat([best_own, likeness.masked_fill(~own, -torch.inf)]).amax(dim=0, keepdim=True)
        wrong = torch.cat([best_wrong, likeness.masked_fill(own, -torch.inf)])
        best_wrong = wrong.topk(max(_PLACES), dim=0).values
    return torch.cat(of_captions), (best_wrong >= best_own).sum(dim=0)


def wrong_ahead(likeness: Tensor, own: Tensor) -> Tensor:
    """Return for each row how many wrong columns are ahead of its best own one; who is level with it is ahead.

    likeness: [rows, columns]; own: bool, the same shape.
    """
    best_own = likeness.masked_fill(~own, -torch.inf).amax(dim=1, keepdim=True)
    return ((likeness >= best_own) & ~own).sum(dim=1)


def recall(ahead: Tensor, count: int) -> float:
    """Return the share of those that are among the `count` first."""
    return float((ahead < count).float().mean())


def _loss(project: Callable[[Tensor], Tensor], pairs: Pairs, recipe: Recipe) -> float:
    """Return the loss over pairs in an order of its own: captions of one image would be each other's wrong answers."""
    count = len(pairs.text)
    order = torch.from_numpy(np.random.default_rng(recipe.seed).permutation(count))
    total = 0.0
    for rows in order.split(recipe.batch):
        features, heads = pairs.take(rows)
        texts = project(features)
        total += len(rows) * float(info_nce(texts, best_heads(texts, heads), recipe.logit_scale))
    return total / count
