# SPDX-License-Identifier: Apache-2.0
"""What a model is made of: a row of the table in registry.py."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from talk2dino_ros.engine.models.vit import ImageEncoder
from talk2dino_ros.engine.text.text_encoder import TextEncoder
from talk2dino_ros.engine.weights.weights_files import Checkpoint, WeightsFile

Checkpoints = Mapping[str, Checkpoint]


@dataclass(frozen=True)
class Model:
    """A row of the table.

    patch_size, base_size: pixels; the network's square, or its short side.
    embedding_size: values of a class's vector, and of a patch feature.
    logit_scale: what cosines are multiplied with for the confidence.
    background: the recommended threshold, a sigmoid of a cosine; the paper's, which has none for DINOv3: as DINOv2;
        0: none is known, each pixel gets a class until a threshold is set.
    load_*: build a network from the located files, by role; they raise WeightsError.
    text_encoding: names how prompts become features; it has to change when that does, for the text cache goes by it.
    image_encoding: names how pixels become patch features, beside the weights; it has to change when that does, as what
        was remembered of images goes by it.
    image_roles, text_roles: the files that the image encoder and the text encoder are made of.
    window_share: side of the windows of input `slide`, as a share of the short side.
    protocol: how its paper evaluates it, a name in evaluate/protocols.py.
    keeps_text_encoder: whether it stays in memory after it has encoded, unless the user chooses.
    bf16_on_cpu: whether precision `auto` takes bf16 on a CPU that gains by it.
    """

    name: str
    description: str
    files: tuple[WeightsFile, ...]
    load_image_encoder: Callable[[Checkpoints, torch.dtype], ImageEncoder]
    load_text_encoder: Callable[[Checkpoints], TextEncoder]
    load_projection: Callable[[Checkpoints], torch.nn.Module]
    patch_size: int
    embedding_size: int
    text_encoding: str
    image_encoding: str
    templates: tuple[str, ...]
    background: float
    image_roles: tuple[str, ...] = ("image",)
    text_roles: tuple[str, ...] = ("text",)
    base_size: int = 448
    window_share: float = 1.0
    logit_scale: float = 1 / 0.07  # fixed in training: `train.py` does not give it to the optimizer
    protocol: str = "talk2dino"
    keeps_text_encoder: bool = True
    bf16_on_cpu: bool = True

    @property
    def has_projection(self) -> bool:
        """Whether words go through a learned mapping; dino.txt's text tower needs none."""
        return any(file.role == "projection" for file in self.files)
