# SPDX-License-Identifier: Apache-2.0
"""Train a mapping of words to the synthetic backbone's features, with the code of `talk2dino train`.

Scenes become a caption set; the store is extracted from it, the trainer reads the store, the projection file is
written and loaded back as a user's would be. Only the reader of captions on the disk is left out.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from benchmarks.synthetic.synthetic_world import SIZE, Scene
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.projection_file import projection_bytes, with_projection_file
from talk2dino_ros.engine.train.captions import CaptionSet, Example
from talk2dino_ros.engine.train.features.extract import extract
from talk2dino_ros.engine.train.features.frozen import open_frozen
from talk2dino_ros.engine.train.features.store import FeatureStore, open_store
from talk2dino_ros.engine.train.pairs import Pairs
from talk2dino_ros.engine.train.recipe import find_recipe, read_recipe
from talk2dino_ros.engine.train.trainer import Trainer

# What differs from the paper's recipe beside the epochs: ten times the rate, as there are hundreds of steps and not
# hundreds of thousands
CHANGES = (f"input_size={SIZE}", "model=synthetic", "learning_rate=1e-3", "validate_every=0")


@dataclass(frozen=True)
class MappingRecipe:
    """scenes: with captions; epochs: over all captions."""

    scenes: int = 1000
    epochs: int = 20


def captions_of(scenes: Sequence[Scene]) -> CaptionSet:
    """Return scenes as the images and captions that an extraction reads; the images are PNG files in memory."""
    return CaptionSet.of(
        "synthetic world",
        [Example(f"{number:05}", scene.captions, partial(_png, scene.rgb)) for number, scene in enumerate(scenes)],
    )


def _png(rgb: npt.NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def extract_scenes(model: Model, scenes: Sequence[Scene], folder: Path) -> FeatureStore:
    """Run the frozen networks over scenes and captions, into a store."""
    extract(captions_of(scenes), open_frozen(model, device="cpu"), folder, input_size=SIZE, threads=1)
    return open_store(folder)


def learn_mapping(
    model: Model,
    store: FeatureStore,
    output: Path,
    *,
    head_choice: str = "max_score",
    epochs: int,
    seed: int = 0,
    shuffled: bool = False,
) -> Model:
    """Train a projection and write it to a file; returns the row with that file.

    shuffled: give each image another's captions, of which nothing can be learned: the control.
    """
    changes = (*CHANGES, f"head_choice={head_choice}", f"epochs={epochs}", f"seed={seed}")
    recipe = read_recipe(find_recipe("talk2dino_vitb"), changes)
    pairs = Pairs.of(store, head_choice)
    if shuffled:
        order = torch.randperm(len(pairs.text), generator=torch.Generator().manual_seed(seed))
        pairs = replace(pairs, image_of_text=pairs.image_of_text[order])
    trainer = Trainer(
        recipe,
        pairs,
        None,
        checkpoint=output.with_suffix(".checkpoint.safetensors"),
        subject={"train": asdict(store.key)},
    )
    write_atomically(output, projection_bytes(trainer.run().state, {"model": model.name}))
    return with_projection_file(model, output)
