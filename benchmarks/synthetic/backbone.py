# SPDX-License-Identifier: Apache-2.0
"""Small ViT that is trained on the synthetic world, in a minute on a CPU, and then frozen.

What it is taught: its class token says which colours, patterns and grounds are somewhere in the picture, and each
patch token what its own pixels look like. It is not told where anything is, which colour goes with which pattern, how
many objects there are, their shapes, or a single word. So, to find all that is there, its attention heads learn to look
at different objects, and that is what Talk2DINO builds on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks.synthetic.synthetic_world import COLOURS, GROUNDS, PATTERNS, SIZE, Scene

PATCH_SIZE = 12
MEAN, STD = (0.45, 0.45, 0.45), (0.25, 0.25, 0.25)
ATTRIBUTES = (*COLOURS, *PATTERNS, *GROUNDS)

_TIMM_NAME = "vit_tiny_patch16_224"  # any plain ViT of timm; all its sizes are given
_CELLS = 6  # a patch's pixels are predicted as the means of 6 x 6 cells, in which its pattern shows
_BATCH = 32
_WARM_UP = 50  # steps


@dataclass(frozen=True)
class BackboneRecipe:
    """width, depth, heads: of the network; scenes: that it sees; steps: of 32 scenes each."""

    width: int = 64
    depth: int = 3
    heads: int = 8
    scenes: int = 2000
    steps: int = 400
    learning_rate: float = 3e-3

    def timm_options(self) -> dict[str, Any]:
        """Return what `timm.create_model` takes beside the name."""
        return {
            "img_size": SIZE,
            "patch_size": PATCH_SIZE,
            "embed_dim": self.width,
            "depth": self.depth,
            "num_heads": self.heads,
            "mlp_ratio": 3,
        }


def new_backbone(recipe: BackboneRecipe) -> Any:
    """Return timm's network with values that torch's generator draws."""
    import timm  # takes seconds

    return timm.create_model(_TIMM_NAME, num_classes=0, dynamic_img_size=True, **recipe.timm_options())


def network_options(recipe: BackboneRecipe) -> dict[str, Any]:
    """Return what `load_dino_encoder` takes, to read the network back from a file."""
    return {"network": _TIMM_NAME, "mean": MEAN, "std": STD, **recipe.timm_options()}


def teach_backbone(recipe: BackboneRecipe, scenes: Sequence[Scene], seed: int) -> dict[str, Tensor]:
    """Train a network from nothing; returns its state. The same on one machine for the same arguments."""
    pixels = torch.from_numpy(np.stack([scene.rgb for scene in scenes])).permute(0, 3, 1, 2)
    attributes = torch.stack([attributes_of(scene) for scene in scenes])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = new_backbone(recipe).train()
        heads = nn.ModuleList([nn.Linear(recipe.width, n) for n in (len(ATTRIBUTES), 3 * _CELLS**2)])
        parameters = [*network.parameters(), *heads.parameters()]
        adam = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=0.02)
        for step in tqdm(range(recipe.steps), unit="step", desc="backbone", disable=None):
            for group in adam.param_groups:
                group["lr"] = recipe.learning_rate * _rate(step, recipe.steps)
            rows = torch.randint(len(pixels), (_BATCH,))
            images = _flipped(pixels[rows].float() / 255, step)
            loss = _loss(network, heads, images, attributes[rows])
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            adam.step()
    state: dict[str, Tensor] = network.state_dict()
    return state


def attributes_of(scene: Scene) -> Tensor:
    """Return float32 [13]: 1 for each colour, pattern and ground that is in the scene."""
    there = {scene.ground, *(name for drawn in scene.objects for name in (drawn.colour, drawn.pattern))}
    return torch.tensor([float(name in there) for name in ATTRIBUTES])


def _loss(network: Any, heads: nn.ModuleList, images: Tensor, attributes: Tensor) -> Tensor:
    """Sum over the attributes of their cross entropy, and the mean squared error of the patches' cells."""
    normalised = (images - MEAN[0]) / STD[0]
    tokens = network.forward_features(normalised)
    named = F.binary_cross_entropy_with_logits(heads[0](tokens[:, 0]), attributes) * len(ATTRIBUTES)
    return named + F.mse_loss(heads[1](tokens[:, 1:]), _cells(normalised))


def _cells(images: Tensor) -> Tensor:
    """Return the means of each patch's cells, [B, patches, 3 * 36]."""
    side = SIZE // PATCH_SIZE
    means = F.adaptive_avg_pool2d(images, (side * _CELLS, side * _CELLS))
    return F.unfold(means, _CELLS, stride=_CELLS).transpose(1, 2)


def _flipped(images: Tensor, step: int) -> Tensor:
    """Mirror every second batch left to right, every second pair of batches upside down."""
    sides = [side for side, turn in ((3, step % 2), (2, step // 2 % 2)) if turn]
    return images.flip(sides) if sides else images


def _rate(step: int, steps: int) -> float:
    """Warm up, keep, and from the middle on go down to almost nothing."""
    return min(1.0, (step + 1) / _WARM_UP, 2 * (1 - step / steps) + 0.01)
