# SPDX-License-Identifier: Apache-2.0
"""A recipe: all that training depends on beside the data, in a YAML file. engine/data/recipes explains each key.

A recipe may build on another (`based_on: talk2dino_vitb`, a shipped one, or a file beside it) and change some keys.
"""

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.files.bounded_parsers import parse_yaml
from talk2dino_ros.engine.files.regular_files import read_regular, user_path
from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.engine.text.counted import counted

RECIPES = Path(__file__).parents[1] / "data" / "recipes"
_SUFFIXES = (".yaml", ".yml")
_BASE = "based_on"

_WORDS = {
    "method": ("infonce",),
    "precision": ("fp32", "bf16", "fp16"),
    "head_choice": ("max_score", "mean_heads", "average"),
    "loss_divisor": ("batch_squared", "none"),
    "keep": ("last", "best"),
}
_RANGES = {
    "input_size": (0, 4096),
    "hidden_size": (0, 65536),
    "epochs": (1, 1_000_000),
    "batch": (2, 1_000_000),
    "learning_rate": (1e-12, 10.0),
    "eps": (1e-16, 1.0),
    "logit_scale": (1e-3, 1e3),
    "seed": (0, 2**31 - 1),
    "validate_every": (0, 1_000_000),
    "validation_images": (1, 1_000_000),
    "patience": (0, 1_000_000),
}


@dataclass(frozen=True)
class Recipe:
    """The method `infonce`. What each key means stands once, in engine/data/recipes/talk2dino_vitb.yaml."""

    method: str
    model: str
    input_size: int
    precision: str
    head_choice: str
    hidden_size: int
    epochs: int
    batch: int
    learning_rate: float
    eps: float
    loss_divisor: str
    logit_scale: float
    seed: int
    validate_every: int
    validation_images: int
    patience: int
    keep: str

    def __post_init__(self) -> None:
        for name, words in _WORDS.items():
            if (value := getattr(self, name)) not in words:
                raise TrainingError(f"{name} is {value!r}, expected {' or '.join(words)}; choose one of these")
        for name, (low, high) in _RANGES.items():
            if not low <= (value := getattr(self, name)) <= high:
                raise TrainingError(f"{name} is {value}, expected {low:g} to {high:g}; correct the recipe or --set")
        if not 0 < self.validate_every <= self.epochs and (self.patience or self.keep == "best"):
            raise TrainingError(
                f"validate_every is {self.validate_every} of {counted(self.epochs, 'epoch')} with patience "
                f"{self.patience} and keep {self.keep}, expected 1 to {self.epochs}, for both go by the validation "
                "loss; set it, or patience 0 and keep last"
            )

    def check_without_validation(self) -> None:
        """Raise TrainingError where the recipe goes by a validation loss that the data cannot give."""
        if self.patience or self.keep == "best":
            raise TrainingError(
                f"patience is {self.patience} and keep {self.keep}, but the data have no validation split, expected "
                "one; add it, or set patience 0 and keep last"
            )

    def divisor(self, pairs: int) -> float:
        """Return what the loss of so many pairs is divided by before its gradient is taken."""
        return float(pairs**2) if self.loss_divisor == "batch_squared" else 1.0


_TYPES = {field.name: field.type for field in dataclasses.fields(Recipe)}


def find_recipe(name: str) -> Path:
    """Return the file of a shipped recipe, or the file that is named. Raises TrainingError."""
    path = user_path(name) if name.endswith(_SUFFIXES) else RECIPES / f"{name}.yaml"
    if not os.path.isfile(path):
        shipped = ", ".join(sorted(each.stem for each in RECIPES.glob("*.yaml")))
        raise TrainingError(f"there is no recipe {name!r}, expected {shipped} or a .yaml file; name one of these")
    return path


def read_table(path: Path) -> dict[str, Any]:
    """Read a recipe's file, merged with the recipe it is based on. Raises TrainingError."""
    files: list[Path] = []
    table: dict[str, Any] = {}
    base: object = path.name
    while base is not None:
        path = _beside(path, str(base)) if files else path
        own = read_yaml(path)
        if path.resolve() in files:
            raise TrainingError(f"{path} is based on itself, expected an end to it; correct its {_BASE}")
        files.append(path.resolve())
        base = own.pop(_BASE, None)
        table = {**own, **table}
    return table


def _beside(path: Path, name: str) -> Path:
    return path.parent / name if name.endswith(_SUFFIXES) else find_recipe(name)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the keys and values of a YAML file. Raises TrainingError."""
    try:
        table = parse_yaml(read_regular(path).decode())
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read ({error}), expected YAML in UTF-8; correct it") from error
    if not isinstance(table, dict):
        raise TrainingError(f"{path} holds a {type(table).__name__}, expected keys and values; correct it")
    return {str(key): value for key, value in table.items()}


def read_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe of the method `infonce`. changes: `key=value` each. Raises TrainingError."""
    changed = dict(_change(text) for text in changes)
    return recipe_from({**recipe_from(read_table(path), str(path)).__dict__, **changed}, "--set")


def _change(text: str) -> tuple[str, object]:
    key, sign, value = text.partition("=")
    try:
        if sign:
            return key.strip(), parse_yaml(value)
    except ValueError:
        pass  # the same remedy
    raise TrainingError(f"--set is {shorten(text, 100)}, expected key=value such as epochs=10; write it so")


def recipe_from(table: Mapping[str, object], origin: str) -> Recipe:
    """Make a recipe of keys and values. origin: its name in error messages. Raises TrainingError."""
    unknown = [key for key in table if key not in _TYPES]
    missing = [key for key in _TYPES if key not in table]
    if unknown:
        raise TrainingError(f"{origin} has the key {unknown[0]!r}, expected {', '.join(_TYPES)}; correct or remove it")
    if missing:
        raise TrainingError(
            f"{origin} lacks {', '.join(missing)}; add what is missing, or `{_BASE}: talk2dino_vitb` for its values"
        )
    return Recipe(**{key: _typed(key, value, origin) for key, value in table.items()})


def _typed(key: str, value: object, origin: str) -> Any:
    """Return a value as its key's type. YAML takes 1e-4, without a point, for a word."""
    expected = _TYPES[key]
    if expected is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    elif type(value) is expected:
        return value
    words = {int: "a whole number", float: "a number", str: "a word"}
    raise TrainingError(f"{origin} has {key} {value!r}, expected {words[expected]}; correct it")  # type: ignore[index]
