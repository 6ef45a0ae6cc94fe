# SPDX-License-Identifier: Apache-2.0
"""Measure how much of an image's training embedding comes from the object that is named, by head choice."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.synthetic.backbone import PATCH_SIZE
from benchmarks.synthetic.synthetic_world import OBJECTS, WORDS, Scene
from talk2dino_ros.engine.models.head_embeddings import head_embeddings
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.networks import load_networks
from talk2dino_ros.engine.models.vit import ImageFeatures


@torch.inference_mode()
def weight_on_named(model: Model, scenes: Sequence[Scene]) -> dict[str, float]:
    """Return, by head choice, the mean share of the patches' weights that lies on the pixels of the object named.

    model: with the projection that chooses the heads; each object of each scene is named by its word.
    """
    networks = load_networks(model, "cpu", torch.float32)
    words = WORDS[: len(OBJECTS)]
    features, _ = networks.text.encode(words)
    embeddings = networks.projection(torch.stack([torch.from_numpy(features[word].vector) for word in words]))
    found: dict[str, list[float]] = {"max_score": [], "mean_heads": [], "average": []}
    for scene in scenes:
        image = torch.from_numpy(scene.rgb).permute(2, 0, 1)[None] / 255
        seen = networks.image_encoder(image, return_attention=True)
        weights = torch.softmax(_attention(seen), dim=-1)
        heads = head_embeddings(seen).heads[0]
        for word in {drawn.word for drawn in scene.objects}:
            on_it = weights @ torch.from_numpy(covered(scene, word))
            chosen = F.cosine_similarity(heads, embeddings[word][None]).argmax()
            found["max_score"].append(float(on_it[chosen]))
            found["mean_heads"].append(float(on_it.mean()))
            found["average"].append(float((scene.truth == word).mean()))
    return {choice: float(np.mean(shares)) for choice, shares in found.items()}


def covered(scene: Scene, word: int) -> npt.NDArray[np.float32]:
    """Return float32 [patches], the share of each patch's pixels that show this word."""
    side = len(scene.truth) // PATCH_SIZE
    is_it = (scene.truth == word).astype(np.float32)
    shares: npt.NDArray[np.float32] = is_it.reshape(side, PATCH_SIZE, side, PATCH_SIZE).mean(axis=(1, 3)).ravel()
    return shares


def _attention(seen: ImageFeatures) -> Tensor:
    assert seen.cls_attention is not None  # it was asked for, of a network that has a class token
    return seen.cls_attention[0]
