# SPDX-License-Identifier: Apache-2.0
"""The learned mapping from text features into the space of patch features, under its published key names."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from talk2dino_ros.engine.weights.published_layouts import is_no_backbone, part_of_one_file
from talk2dino_ros.engine.weights.state_dicts import build_and_load
from talk2dino_ros.engine.weights.weights_files import Checkpoint


class Projection(nn.Module):
    """Linear, tanh, Linear (arXiv 2411.19331, section 3.2).

    text_size: values of a text feature; hidden_size: between the layers; embedding_size: of a patch feature.
    """

    def __init__(self, text_size: int, hidden_size: int, embedding_size: int) -> None:
        super().__init__()
        self.linear_layer = nn.Linear(text_size, hidden_size)
        self.hidden_layers = nn.ModuleList([nn.Linear(hidden_size, embedding_size)])

    def forward(self, text_features: Tensor) -> Tensor:
        """Map float32 [N, text_size] to float32 [N, embedding_size], not normalised."""
        projected: Tensor = self.hidden_layers[0](torch.tanh(self.linear_layer(text_features)))
        return projected


def load_projection(
    checkpoints: Mapping[str, Checkpoint], *, text_size: int, hidden_size: int, embedding_size: int
) -> Projection:
    """Fill a projection from the `projection` checkpoint. Raises WeightsError if it does not fit."""
    checkpoint = checkpoints["projection"]
    return build_and_load(
        lambda: Projection(text_size, hidden_size, embedding_size),
        part_of_one_file(checkpoint.read(is_no_backbone), "proj"),
        checkpoint.path,
        remedy=checkpoint.remedy,
    )
