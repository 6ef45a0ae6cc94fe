# SPDX-License-Identifier: Apache-2.0
"""Weights files with seeded random values in the published layouts, for machines that have not the real ones.

The strict loaders read them as they read the real files; a network computes as fast with them, and sees nothing.
The values are chosen so that what an image shows reaches the last layer: linear layers keep the variance of what
enters them, LayerScale is near 0.5 (timm starts it at 1e-5, which hides every block), positions weigh less than
pixels. So patches differ, similar patches are alike, and a rounding error anywhere comes out at the end.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.factory import networks_of
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.projection import Projection
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.text.clip_tower import ClipTextTower


def write_seeded_weights(
    name: str, folder: Path, seed: int = 0, roles: Sequence[str] = ("image", "text", "projection")
) -> None:
    """Write a model's files (see `find_model`) of some roles into a folder, under names that `weights_dir` accepts.

    Raises ModelError for `mini`, whose weights come with installed packages.
    """
    import timm  # takes seconds

    model = find_model(name)
    if {file.role for file in model.files} != {"image", "text", "projection"}:
        raise ModelError(f"seeded weights were asked for {name}, expected a model of Talk2DINO's family; leave it out")
    builders: dict[str, Callable[[], nn.Module]] = {
        "image": lambda: timm.create_model(model.load_image_encoder.keywords["network"], num_classes=0),  # type: ignore[attr-defined]
        "text": ClipTextTower,
        "projection": lambda: Projection(**model.load_projection.keywords),  # type: ignore[attr-defined]
    }
    folder.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(model.files):
        if file.role in roles:
            network = builders[file.role]()
            _fill(network, seed + number)
            _save(network, folder / file.names[-1])


def load_seeded_segmenter(
    name: str, folder: Path, *, device: str = "auto", precision: str = "auto", cuda_graphs: bool = False
) -> Segmenter:
    """Load what `write_seeded_weights` wrote: as `load_segmenter`, but no published sha256 sum is asked for."""
    model = without_sums(find_model(name))
    return Segmenter(model, networks_of(model, device, precision, folder, cuda_graphs=cuda_graphs), Options())


def without_sums(model: Model) -> Model:
    """Return a row whose files may have other contents than the published ones, in the same layout."""
    return replace(model, files=tuple(replace(file, sha256={}, git_blobs={}) for file in model.files))


def _fill(network: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        if re.search(r"gamma", name):
            values = 0.5 + 0.1 * values
        elif re.search(r"(norm\w*|ln_\w+)\.weight$", name):
            values = 1 + 0.2 * values
        elif re.search(r"_embed$|embedding|token", name):
            values = 0.2 * values
        elif parameter.ndim > 1:
            values = values / parameter[0].numel() ** 0.5
        else:
            values = 0.05 * values
        parameter.data = values


def _save(network: nn.Module, path: Path) -> None:
    state = {key: tensor.contiguous() for key, tensor in network.state_dict().items()}
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
