# SPDX-License-Identifier: Apache-2.0
"""Measure `mini` on words that it was not trained on: `python -m benchmarks.mini_hold_out`.

Every fifth short text is left out of `talk2dino train mini`, and then projected.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.models import mini
from talk2dino_ros.engine.train.anchor_words import AnchorWords, collect_words, encode_texts
from talk2dino_ros.engine.train.anchors import fit, read_anchor_recipe

RECIPE = Path(mini.__file__).parents[1] / "data" / "recipes" / "mini.yaml"
DEFINITION_LENGTH = 40  # characters; longer texts are definitions or lists of lemmas


def main() -> None:
    """Fit without the words left out, and print how many of those find their axis."""
    recipe = read_anchor_recipe(RECIPE)
    words = collect_words(RECIPE.parent / recipe.words)
    features = encode_texts(words.texts)
    held, left = leave_out(words)
    kept = torch.ones(len(features), dtype=torch.bool)
    kept[held] = False
    projected = F.normalize(fit(features[kept], left, recipe)(features[held]), dim=-1)[:, :-2]
    axes = torch.tensor(words.axes)[held]
    is_handwritten = torch.tensor(held) < words.handwritten
    for name, some in (("hand-written", is_handwritten), ("others", ~is_handwritten)):
        report(name, projected[some], axes[some], words.embedding_size - 1)


def leave_out(words: AnchorWords) -> tuple[list[int], AnchorWords]:
    """Take every fifth short text away; return their numbers and what is left."""
    short = [i for i, text in enumerate(words.texts) if len(text) < DEFINITION_LENGTH]
    held = set(short[::5])
    kept = [i for i in range(len(words.texts)) if i not in held]
    handwritten = sum(i < words.handwritten for i in kept)
    left = AnchorWords([words.texts[i] for i in kept], [words.axes[i] for i in kept], handwritten, words.members)
    return sorted(held), left


def report(name: str, projected: Tensor, axes: Tensor, nowhere: int) -> None:
    """Print the figures of some words left out."""
    known = axes != nowhere
    order = projected[known].argsort(dim=1, descending=True)
    rank = (order == axes[known][:, None]).float().argmax(dim=1)
    strength = projected.max(dim=1).values
    print(
        f"{name}: {int(known.sum())} words left out that ImageNet knows: right axis first {share(rank == 0)}, "
        f"in the first five {share(rank < 5)}, some axis above 0.5 {share(strength[known] > 0.5)}"
    )
    if (~known).any():
        print(f"{int((~known).sum())} that it does not know: some axis above 0.5 {share(strength[~known] > 0.5)}")


def share(flags: Tensor) -> str:
    """Return a mean of booleans in per cent."""
    return f"{100 * flags.float().mean():.0f} %"


if __name__ == "__main__":
    main()
