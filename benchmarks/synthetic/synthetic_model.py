# SPDX-License-Identifier: Apache-2.0
"""Model of the synthetic world: a row like those of the table of models, with files in a folder.

So everything that takes a model takes it: the store's extraction, a Segmenter, an explanation. Its text encoder is
that of `mini`, a real sentence encoder that has never heard of this world.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.synthetic.backbone import PATCH_SIZE, BackboneRecipe, network_options, teach_backbone
from benchmarks.synthetic.synthetic_world import SIZE, Pair, draw_scenes
from talk2dino_ros.engine.models import mini
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.networks import load_networks
from talk2dino_ros.engine.models.projection import Projection, load_projection
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.models.vit import load_dino_encoder
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.text.text_encoder import TextEncoder
from talk2dino_ros.engine.weights.sources import LocalFile
from talk2dino_ros.engine.weights.weights_files import WeightsFile

NAME = "synthetic"
_BACKBONE_SCENES = 0  # the streams of scenes that a seed has: no two parts of the proof see the same
MAPPING_SCENES = 1
TEST_SCENES = 2
UNSEEN_SCENES = 3


def make_synthetic_model(
    folder: Path, seed: int = 0, recipe: BackboneRecipe | None = None, without: Sequence[Pair] = ()
) -> Model:
    """Teach a backbone and write it to a folder; returns the row, whose projection is an untrained one.

    without: kinds of objects that the backbone never sees. recipe: None for the one of the published figures.
    """
    recipe = recipe or BackboneRecipe()
    scenes = draw_scenes(recipe.scenes, (seed, _BACKBONE_SCENES), without=without)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(teach_backbone(recipe, scenes, seed), folder / "backbone.safetensors")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        untrained = Projection(mini.TEXT_SIZE, recipe.width, recipe.width)
    save_file(untrained.state_dict(), folder / "untrained.safetensors")
    return synthetic_model(folder, recipe)


def synthetic_model(folder: Path, recipe: BackboneRecipe) -> Model:
    """Return the row of a model that `make_synthetic_model` has written."""
    borrowed = find_model("mini")
    text_files = tuple(file for file in borrowed.files if file.role in borrowed.text_roles)
    return replace(
        borrowed,
        name=NAME,
        description="A small ViT of the synthetic world and mini's text encoder, for the proof that training learns",
        files=(
            _own("image", folder / "backbone.safetensors"),
            *text_files,
            _own("projection", folder / "untrained.safetensors"),
        ),
        load_image_encoder=partial(load_dino_encoder, **network_options(recipe)),
        load_text_encoder=lambda checkpoints: _RememberingEncoder(borrowed.load_text_encoder(checkpoints)),
        load_projection=partial(
            load_projection, text_size=mini.TEXT_SIZE, hidden_size=recipe.width, embedding_size=recipe.width
        ),
        patch_size=PATCH_SIZE,
        embedding_size=recipe.width,
        base_size=SIZE,
        background=0.0,
    )


def open_segmenter(model: Model, options: Options | None = None) -> Segmenter:
    """Load a row's networks, in float32 on the CPU."""
    return Segmenter(model, load_networks(model, "cpu", torch.float32), options or Options())


class _RememberingEncoder:
    """Encodes each text once: in this world the same captions come again and again."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Tensor] = {}

    def encode(self, prompts: Sequence[str]) -> Tensor:
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._known]
        if new:
            self._known |= zip(new, self._encoder.encode(new), strict=True)
        return torch.stack([self._known[prompt] for prompt in prompts])

    def truncated(self, prompts: Sequence[str]) -> list[bool]:
        return self._encoder.truncated(prompts)

    def to(self, device: str) -> "_RememberingEncoder":
        self._encoder = self._encoder.to(device)
        return self


def _own(role: str, path: Path) -> WeightsFile:
    return WeightsFile(role, LocalFile(path), "Apache-2.0", path.stat().st_size)
