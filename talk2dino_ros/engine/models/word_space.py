# SPDX-License-Identifier: Apache-2.0
"""Which feature spaces a model's words can be compared with, told from its files, without loading them."""

from pathlib import Path

from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.patch_source import with_patch_source
from talk2dino_ros.engine.options import PATCH_SOURCES
from talk2dino_ros.engine.weights.feature_space import feature_space
from talk2dino_ros.engine.weights.weights_files import Checkpoint, find


def feature_spaces(model: Model, weights_dir: Path | None = None) -> list[str]:
    """Return `Segmenter.feature_space` of a model, for each of its patch sources whose image files are on this machine.

    The first time may take as long as reading the weights files.
    """
    sources = PATCH_SOURCES if "head" in model.image_roles else ("",)
    spaces = (_space(with_patch_source(model, source), weights_dir) for source in sources)
    return list(dict.fromkeys(space for space in spaces if space))


def _space(model: Model, weights_dir: Path | None) -> str:
    places = {file.role: (file, find(file, weights_dir)) for file in model.files if file.role in model.image_roles}
    sums = []
    for role in model.image_roles:
        file, path = places[role]
        if path is None:
            return ""
        sums.append(Checkpoint(file, path).sha256)
    return feature_space(model.image_encoding, sums)
