# SPDX-License-Identifier: Apache-2.0
"""Checkpoint of a training in one file: safetensors, with the rest as JSON in its metadata. No pickle.

One file, so that it is never half of one state and half of another; it takes the old one's place in one step.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.files.bounded_parsers import parse_json
from talk2dino_ros.engine.files.regular_files import check_regular
from talk2dino_ros.engine.train.features.store_folder import short, write_atomically

KEY = "talk2dino_training"
_FORMAT = 1
# May differ between a run and its continuation: with a constant learning rate no step so far depends on them.
_FREE = ("epochs", "patience")

Subject = dict[str, dict[str, Any]]  # the recipe, and what is known of each split, as JSON takes it
StateDict = dict[str, Tensor]


@dataclass
class Standing:
    """How far a training is, as its checkpoint holds it.

    step: steps done. tensors: of projection, optimizer and the best projection, by prefixed names.

    best_loss: the lowest validation loss, None before the first. waits: validations since.
    history: each validation's figures with its epoch.
    """

    step: int = 0
    tensors: StateDict = field(default_factory=dict)
    best_loss: float | None = None
    best_epoch: int = 0
    waits: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


def save_standing(path: Path, subject: Subject, standing: Standing) -> None:
    """Write a checkpoint. subject: what it depends on (recipe, features). Raises TrainingError."""
    facts = {key: value for key, value in vars(standing).items() if key != "tensors"}
    content = json.dumps({"format": _FORMAT, "subject": subject, **facts})
    write_atomically(path, save(standing.tensors, {KEY: content}))


def load_standing(path: Path, subject: Subject) -> Standing | None:
    """Read a checkpoint; None where there is none.

    Raises TrainingError for a damaged file, and for one of another recipe, model or store.
    """
    if not os.path.exists(path):
        return None
    try:
        with safe_open(check_regular(path), "pt") as file:
            facts = parse_json((file.metadata() or {})[KEY], finite=False)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # it is no dict
        if (version := facts.pop("format")) != _FORMAT:
            raise ValueError(f"the format is {version!r}")
        kept = facts.pop("subject")
        standing = _checked(Standing(tensors=tensors, **facts), kept)
    except Exception as error:  # safetensors has an error of its own without a base beside Exception
        raise TrainingError(
            f"{path} cannot be read as a checkpoint ({error!r}), expected one of `talk2dino train`; "
            "begin anew with --fresh"
        ) from error
    _check_subject(path, kept, subject)
    return standing


def _checked(standing: Standing, kept: Any) -> Standing:
    """Return what was read where it is of the right types. Raises ValueError."""
    numbers = (standing.step, standing.best_epoch, standing.waits)
    are_numbers = all(type(each) is int and each >= 0 for each in numbers)
    has_loss = standing.best_loss is None or isinstance(standing.best_loss, (int, float))
    has_history = isinstance(standing.history, list) and all(isinstance(each, dict) for each in standing.history)
    if not (are_numbers and has_loss and has_history):
        raise ValueError("steps, loss or history are of another type")
    if not isinstance(kept, dict) or not all(isinstance(each, dict) for each in kept.values()):
        raise ValueError("its subject is no table of tables")
    return standing


def _check_subject(path: Path, kept: Mapping[str, Any], subject: Subject) -> None:
    remedy = "begin anew with --fresh, name another --output, or set it as it was"
    for part in {**subject, **kept}:
        if (part in kept) != (part in subject):
            raise TrainingError(
                f"{path} is of a training {'with' if part in kept else 'without'} the split {part}, expected one "
                f"{'with' if part in subject else 'without'} it; {remedy}"
            )
    old, new = _flat(kept), _flat(subject)
    for name in {**new, **old}:
        if name not in _FREE and old.get(name) != new.get(name):
            raise TrainingError(
                f"{path} is of a training with {name} {short(old.get(name))}, expected {short(new.get(name))}; {remedy}"
            )


def _flat(subject: Mapping[str, Any]) -> dict[str, Any]:
    """Name each value by its part and key; the recipe's by its key alone, as the user knows it."""
    named = {f"{part}.{key}": value for part, values in subject.items() for key, value in values.items()}
    return {name.removeprefix("recipe."): value for name, value in named.items()}
