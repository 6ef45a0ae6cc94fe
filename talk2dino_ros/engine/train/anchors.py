# SPDX-License-Identifier: Apache-2.0
"""The method `anchors`: solve for the projection of `mini` from words alone, by one ridge regression.

No picture is used and nothing is random: the same machine with as many threads writes the same files again.
engine/data/recipes/mini.yaml is its recipe; anchor_words.py collects the words. The paper's method, which learns from
pictures, is trainer.py's.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.models import mini
from talk2dino_ros.engine.models.projection import Projection
from talk2dino_ros.engine.train.anchor_words import AnchorWords, collect_words, encode_texts
from talk2dino_ros.engine.train.features.store_folder import write_atomically
from talk2dino_ros.engine.train.recipe import read_yaml

PROJECTION_FILE = "mini_projection.safetensors"


@dataclass(frozen=True)
class AnchorRecipe:
    """words: the file of words written by hand, from the recipe's folder. The shipped recipe explains the others."""

    method: str
    model: str
    words: str
    sharpness: float
    ridge: float
    breadth_cost: float

    def __post_init__(self) -> None:
        for name, expected in (("method", "anchors"), ("model", "mini")):
            if getattr(self, name) != expected:
                raise TrainingError(
                    f"{name} is {getattr(self, name)!r}, expected {expected!r}, as only mini's axes are classes that "
                    "words name; choose another recipe"
                )
        # without a ridge, texts that are alike leave the system with no single solution
        for name, low, high in (("sharpness", 1.0, 100.0), ("ridge", 1e-6, 1e6), ("breadth_cost", 0.0, 0.1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise TrainingError(
                    f"{name} is {value!r}, expected a number from {low:g} to {high:g}; correct the recipe"
                )


def read_anchor_recipe(path: Path) -> AnchorRecipe:
    """Read a recipe of this method; every key has to be there, and no other. Raises TrainingError."""
    table = read_yaml(path)
    names = [field.name for field in fields(AnchorRecipe)]
    if odd := sorted(set(map(str, table)) ^ set(names)):
        raise TrainingError(
            f"{path} {'has' if odd[0] in table else 'lacks'} the key {odd[0]!r}, expected {', '.join(names)}; "
            "correct the recipe"
        )
    return AnchorRecipe(**table)


def train_anchors(recipe_file: Path, output_folder: Path) -> tuple[Path, Path]:
    """Write the projection and the table of concepts under the names they are shipped with; return both.

    Raises TrainingError for a recipe or words that cannot be used, or where the files cannot be written.
    """
    recipe = read_anchor_recipe(recipe_file)
    words = collect_words(recipe_file.parent / recipe.words)
    _check_sizes(words)
    projection = fit(encode_texts(words.texts), words, recipe)
    state = {key: value.half() for key, value in projection.state_dict().items()}
    files = (
        (output_folder / PROJECTION_FILE, save(state)),
        (output_folder / mini.CONCEPTS_FILE.name, save({"members": words.members.to(torch.uint8)})),
    )
    for path, content in files:
        write_atomically(path, content)
    return files[0][0], files[1][0]


def fit(features: Tensor, words: AnchorWords, recipe: AnchorRecipe) -> Projection:
    """Solve for the projection: a text is known by the anchors that it is like (kernel ridge regression).

    Where its argument is far below 0, tanh(x) + 1 is 2 exp(2x): a hidden unit with the weights
    sharpness / 2 * anchor is a kernel around its anchor, and one linear system gives the second layer.
    """
    anchors = make_anchors(features, words)
    first_weight = _storable(recipe.sharpness / 2 * anchors)
    first_bias = torch.full((len(anchors),), -recipe.sharpness / 2)
    hidden = torch.tanh(F.linear(features, first_weight, first_bias)).double() + 1
    hidden = torch.cat([hidden, torch.ones(len(hidden), 1, dtype=torch.float64)], dim=1)
    system = hidden.T @ hidden + recipe.ridge * torch.eye(hidden.shape[1], dtype=torch.float64)
    targets = make_targets(words, recipe.breadth_cost).double()
    solution = torch.linalg.solve(system, hidden.T @ targets).float()
    weight = _storable(solution[:-1].T)
    # tanh has the 1 that the hidden units had added: the bias takes it back
    values = (first_weight, first_bias, weight, _storable(solution[-1] + weight.sum(dim=1)))
    projection = Projection(mini.TEXT_SIZE, len(anchors), words.embedding_size).requires_grad_(False)
    projection.load_state_dict(dict(zip(projection.state_dict(), values, strict=True)))
    return projection


def make_anchors(features: Tensor, words: AnchorWords) -> Tensor:
    """Return a text feature per hand-written word, and per class the mean of its texts'; unit length, [H, 384]."""
    axes = torch.tensor(words.axes[words.handwritten :])
    sums = torch.zeros(mini.CLASSES, mini.TEXT_SIZE).index_add_(0, axes, features[words.handwritten :])
    return F.normalize(torch.cat([features[: words.handwritten], sums[axes.unique()]]), dim=-1)


def make_targets(words: AnchorWords, breadth_cost: float) -> Tensor:
    """Return the vector of unit length [N, D] that each text is to have: its axis, and "nowhere" for breadth."""
    breadth = torch.ones(words.embedding_size)
    breadth[mini.CLASSES : -2] = words.members.sum(dim=1).float()
    axes = torch.tensor(words.axes)
    share = 1 - breadth_cost * breadth[axes].log2()
    targets = torch.zeros(len(axes), words.embedding_size)
    targets[:, -1] = (1 - share**2).clamp(min=0).sqrt()
    targets[torch.arange(len(axes)), axes] = share
    targets[axes == words.embedding_size - 1, -1] = 1
    return targets


def _storable(values: Tensor) -> Tensor:
    """Round to float16, in which the file is half as large."""
    return values.half().float()


def _check_sizes(words: AnchorWords) -> None:
    anchors = words.handwritten + len(set(words.axes[words.handwritten :]))
    if (anchors, words.embedding_size) != (mini.HIDDEN_SIZE, mini.EMBEDDING_SIZE):
        raise TrainingError(
            f"the words make {anchors} anchors and {words.embedding_size} axes, expected mini's {mini.HIDDEN_SIZE} and "
            f"{mini.EMBEDDING_SIZE}; set HIDDEN_SIZE and EMBEDDING_SIZE of models/mini.py to the new numbers, then "
            "train again"
        )
