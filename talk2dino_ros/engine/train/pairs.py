# SPDX-License-Identifier: Apache-2.0
"""Captions and images as the trainer meets them: tensors of features, picked by the captions' numbers."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from talk2dino_ros.engine.errors import TrainingError


class Features(Protocol):
    """Contents of a store (store.py).

    heads: [n, M, D], one vector per image and attention head, M = 0 for a model without; average: [n, D], of the
    patches. text: [m, T]. image_of_text: int64 [m].
    """

    @property
    def heads(self) -> Tensor: ...
    @property
    def average(self) -> Tensor: ...
    @property
    def text(self) -> Tensor: ...
    @property
    def image_of_text(self) -> Tensor: ...


@dataclass(frozen=True)
class Pairs:
    """Text features and the image features that they belong to.

    text: [m, T], image_of_text: int64 [m], images: [n, M, D]; M = 1 where one vector stands for an image.
    """

    text: Tensor
    image_of_text: Tensor
    images: Tensor

    @classmethod
    def of(cls, features: Features, head_choice: str, device: str = "cpu") -> "Pairs":
        """Take what `head_choice` needs of a store; on a GPU all of it lies in the GPU's memory.

        Raises TrainingError where the model has no attention heads to choose from.
        """
        if head_choice == "average":
            images = features.average[:, None]
        else:
            images = features.heads
            if not images.shape[1]:
                raise TrainingError(
                    f"head_choice is {head_choice}, but the store's model has no attention heads, expected average; "
                    "set it"
                )
        if head_choice == "mean_heads":
            images = _mean_of_heads(images)
        return cls(features.text.to(device), features.image_of_text.to(device), images.to(device))

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return captions and their images as float32: [b, T] and [b, M, D]."""
        rows = rows.to(self.text.device)
        return self.text[rows].float(), self.images[self.image_of_text[rows]].float()


def _mean_of_heads(heads: Tensor, at_once: int = 1024) -> Tensor:
    """Average the heads in parts: in float32 all of COCO's would take gigabytes."""
    return torch.cat([part.float().mean(dim=1, keepdim=True).to(heads.dtype) for part in heads.split(at_once)])
