# SPDX-License-Identifier: Apache-2.0
"""Choose the patch features that are compared with the words, the head's or the backbone's (dino.txt)."""

from dataclasses import replace
from functools import partial
from typing import Any

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.models.model_row import Model


def patch_source_of(model: Model) -> str:
    """Return whose patches a row takes, `head` or `backbone`."""
    return "head" if "head" in model.image_roles else "backbone"


def with_patch_source(model: Model, patch_source: str) -> Model:
    """Return a row that takes the patches of `head` or `backbone`; '': the row as it is, which takes the head's.

    Without the head its file is not asked for. Raises ModelError for a model that has no head.
    """
    if not patch_source:
        return model
    if "head" not in model.image_roles:
        raise ModelError(
            f"patch_source is {patch_source!r} with {model.name}, expected '' for a model without a head; leave it out"
        )
    load: Any = model.load_image_encoder  # its type does not tell that a head's loader takes one argument more
    loader = partial(load, patch_source=patch_source)
    if patch_source != "backbone":
        return replace(model, load_image_encoder=loader)
    files = tuple(file for file in model.files if file.role != "head")
    encoding = f"{model.image_encoding}_backbone"
    return replace(model, load_image_encoder=loader, files=files, image_roles=("image",), image_encoding=encoding)
