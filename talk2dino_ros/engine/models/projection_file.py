# SPDX-License-Identifier: Apache-2.0
"""A projection in a file that the user names: what `talk2dino train` wrote, or a published one, in a model's place.

A trained file has the published key names, and a card in its metadata that says which model it was trained for. The
published files have none; the known ones are told by their sums, any other by its shapes alone. The one file of the
authors' Hugging Face repositories will do too.
"""

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.files.bounded_parsers import parse_json
from talk2dino_ros.engine.files.checksums import git_blob_id_of, sha256_of
from talk2dino_ros.engine.files.regular_files import check_regular, user_path
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.weights.published_layouts import is_no_backbone, part_of_one_file
from talk2dino_ros.engine.weights.sources import LocalFile
from talk2dino_ros.engine.weights.state_dicts import StateDict, read_state_dict

METADATA_KEY = "talk2dino_projection"
_FORMAT = 1
_FIRST_LAYER = "linear_layer.weight"

Card = dict[str, Any]


def projection_bytes(state: StateDict, card: Card) -> bytes:
    """Return a file's content: the tensors, and the card, which says at least the `model`."""
    return save(
        {key: tensor.contiguous() for key, tensor in state.items()},
        {METADATA_KEY: json.dumps({"format": _FORMAT, **card})},
    )


def read_card(path: Path) -> Card:
    """Return what a projection file says of itself; empty where it has no card. Raises WeightsError."""
    if path.suffix != ".safetensors":
        return {}
    try:
        with safe_open(check_regular(path), "pt") as file:
            card: Card = parse_json((file.metadata() or {}).get(METADATA_KEY, "{}"))
            version = card.get("format", _FORMAT)
    except (OSError, ValueError, AttributeError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read ({error}), expected a whole projection file; train it again") from (
            error
        )
    if version != _FORMAT:
        raise WeightsError(f"{path} has the format {version}, expected {_FORMAT}; train it with this package's version")
    return card


def with_projection_file(model: Model, projection_file: str | Path | None) -> Model:
    """Return a row that takes its projection from this file; None or '': the row as it is.

    Raises ModelError for a model that has no projection, WeightsError for a file that is missing, damaged or made for
    another model.
    """
    if not projection_file:
        return model
    path = user_path(projection_file)
    if not model.has_projection:
        raise ModelError(
            f"projection_file is {path} with {model.name}, whose words need no projection, expected ''; leave it out"
        )
    if not os.path.isfile(path):
        raise WeightsError(
            f"there is no projection_file {path}, expected a file of `talk2dino train` or a published one; "
            "correct the path"
        )
    _check_model(path, model)
    load: Any = model.load_projection  # its type does not tell that a projection's loader takes sizes
    source = LocalFile(path)
    state = read_state_dict(path, remedy=source.remedy, wanted=is_no_backbone)
    first_layer = part_of_one_file(state, "proj").get(_FIRST_LAYER)
    if first_layer is not None:  # else the strict loader says what is amiss
        load = partial(load, hidden_size=len(first_layer))  # a recipe's choice: the file knows it, the row does not
    files = tuple(
        replace(file, source=source, other_names=(), sha256={}, git_blobs={}) if file.role == "projection" else file
        for file in model.files
    )
    return replace(model, files=files, load_projection=load)


def projection_sum(model: Model) -> str:
    """Return the sha256 sum of the projection file that a row takes in place of the model's own; '' for its own."""
    projections = [file.source for file in model.files if file.role == "projection"]
    paths = [source.path for source in projections if isinstance(source, LocalFile)]
    return sha256_of(paths[0]) if paths and _published_for(paths[0]) != model.name else ""


def _check_model(path: Path, model: Model) -> None:
    made_for = read_card(path).get("model") or _published_for(path)
    if made_for not in ("", model.name):
        raise WeightsError(
            f"{path} was made for {made_for}, expected {model.name}: a projection fits the patch features of one "
            f"backbone; set model to {made_for}, or train one for {model.name}"
        )


def _published_for(path: Path) -> str:
    """Return the model whose published projection this is, or ''."""
    own = {sha256_of(path), git_blob_id_of(path)}
    for name, model in MODELS.items():
        sums = [known for file in model.files if file.role == "projection" for known in file.sums.values()]
        if any(known.digits in own for known in sums):
            return name
    return ""
