# SPDX-License-Identifier: Apache-2.0
"""Train the projection of the model `mini` on words alone, and write it with the table of concepts.

    python -m tools.train_mini              writes the two files of talk2dino_ros/engine/data
    python -m tools.train_mini --hold-out   fits without every fifth word and says how well it guesses those

The words: ImageNet's class names, lemmas and definitions (timm's ImageNetInfo), and tools/mini_words.yaml. Each
stands for one axis of the shared space (talk2dino_ros/engine/mini.py says which there are). No picture is used.
Nothing is random: the same machine writes the same files again.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
import yaml
from safetensors.torch import save
from timm.data import ImageNetInfo
from torch import Tensor

from talk2dino_ros.engine import mini
from talk2dino_ros.engine.checkpoints import find_model
from talk2dino_ros.engine.projection import Projection
from talk2dino_ros.engine.weights import Checkpoint, locate

WORDS_FILE = Path(__file__).parent / "mini_words.yaml"
DATA_FOLDER = mini.CONCEPTS_FILE.parent
SHARPNESS = 8.0  # of the likeness (a cosine) between a text and an anchor
RIDGE = 0.1
DEFINITION_LENGTH = 40  # characters; longer texts are definitions or lists of lemmas
# What a word of n classes loses per doubling of n: of "dog" and "animal", which are equally probable on a dog,
# the narrower one is to win.
BREADTH_COST = 0.02


@dataclass(frozen=True)
class Words:
    """texts, the first of them handwritten, and for each the axis that it stands for.

    members: bool [G, 1000], the concepts of several classes.
    """

    texts: list[str]
    axes: list[int]
    handwritten: int
    members: Tensor

    @property
    def embedding_size(self) -> int:
        return mini.CLASSES + len(self.members) + 2


def class_lemmas() -> list[list[str]]:
    """The names of each ImageNet class, the first one first."""
    info = ImageNetInfo()
    return [[name.strip() for name in info.index_to_description(i).split(",")] for i in range(mini.CLASSES)]


def class_definitions() -> list[str]:
    """Each class's definition in WordNet."""
    info = ImageNetInfo()
    return [info.index_to_description(i, detailed=True).split(": ", 1)[-1] for i in range(mini.CLASSES)]


def find_class(name: str, lemmas: Sequence[Sequence[str]]) -> int:
    """Return the number of the class that has this first lemma, else this lemma; `name#123` says it outright."""
    if "#" in name:
        return int(name.split("#")[1])
    found = [i for i, names in enumerate(lemmas) if names[0] == name]
    found = found or [i for i, names in enumerate(lemmas) if name in names]
    if len(found) != 1:
        raise ValueError(f"{name!r} names {len(found)} ImageNet classes, expected 1; write a lemma or {name}#number")
    return found[0]


def find_classes(names: Sequence[str], lemmas: Sequence[Sequence[str]]) -> list[int]:
    """Return the class numbers of names and of runs `first..last`, each once."""
    classes: set[int] = set()
    for name in names:
        first, _, last = name.partition("..")
        start = find_class(first, lemmas)
        classes.update(range(start, (find_class(last, lemmas) if last else start) + 1))
    return sorted(classes)


def collect_words() -> Words:
    """Read the class list and the hand-written words; a hand-written word comes before a lemma."""
    lemmas = class_lemmas()
    table = yaml.safe_load(WORDS_FILE.read_text(encoding="utf-8"))
    concepts = {words: find_classes(names, lemmas) for words, names in table["concepts"].items()}
    broad = [words for words, classes in concepts.items() if len(classes) > 1]
    members = torch.zeros(len(broad), mini.CLASSES, dtype=torch.bool)
    for row, words in enumerate(broad):
        members[row, concepts[words]] = True
    nowhere = mini.CLASSES + len(broad) + 1
    axis_of = dict.fromkeys(table["unsupported"], nowhere)
    for words, classes in concepts.items():
        axis = mini.CLASSES + broad.index(words) if words in broad else (*classes, nowhere)[0]
        axis_of |= {word.strip(): axis for word in words.split(",")}
    return _with_classes(axis_of, lemmas, members)


def _with_classes(axis_of: dict[str, int], lemmas: list[list[str]], members: Tensor) -> Words:
    pairs = list(axis_of.items())
    pairs += [(name, i) for i, names in enumerate(lemmas) for name in names if name not in axis_of]
    pairs += [(", ".join(names), i) for i, names in enumerate(lemmas) if len(names) > 1]
    pairs += [(text, i) for i, text in enumerate(class_definitions())]
    return Words([text for text, _ in pairs], [axis for _, axis in pairs], len(axis_of), members)


def make_targets(words: Words) -> Tensor:
    """The vector of unit length [N, D] that each text is to have: its axis, and "nowhere" for breadth."""
    breadth = torch.ones(words.embedding_size)
    breadth[mini.CLASSES : -2] = words.members.sum(dim=1).float()
    axes = torch.tensor(words.axes)
    share = 1 - BREADTH_COST * breadth[axes].log2()
    targets = torch.zeros(len(axes), words.embedding_size)
    targets[:, -1] = (1 - share**2).clamp(min=0).sqrt()
    targets[torch.arange(len(axes)), axes] = share
    targets[axes == words.embedding_size - 1, -1] = 1
    return targets


def make_anchors(features: Tensor, words: Words) -> Tensor:
    """One text feature per hand-written word, and per class the mean of its texts'; unit length, [H, 384]."""
    axes = torch.tensor(words.axes[words.handwritten :])
    sums = torch.zeros(mini.CLASSES, mini.TEXT_SIZE).index_add_(0, axes, features[words.handwritten :])
    return F.normalize(torch.cat([features[: words.handwritten], sums[axes.unique()]]), dim=-1)


def fit(features: Tensor, words: Words) -> Projection:
    """Solve for the projection: a text is known by the anchors that it is like (kernel ridge regression).

    Where its argument is far below 0, tanh(x) + 1 is 2 exp(2x): a hidden unit with the weights
    SHARPNESS / 2 * anchor is a kernel around its anchor, and one linear system gives the second layer.
    """
    anchors = make_anchors(features, words)
    first_weight = _storable(SHARPNESS / 2 * anchors)
    first_bias = torch.full((len(anchors),), -SHARPNESS / 2)
    hidden = torch.tanh(F.linear(features, first_weight, first_bias)).double() + 1
    hidden = torch.cat([hidden, torch.ones(len(hidden), 1, dtype=torch.float64)], dim=1)
    system = hidden.T @ hidden + RIDGE * torch.eye(hidden.shape[1], dtype=torch.float64)
    solution = torch.linalg.solve(system, hidden.T @ make_targets(words).double()).float()
    weight = _storable(solution[:-1].T)
    # tanh has the 1 that the hidden units had added: the bias takes it back
    values = (first_weight, first_bias, weight, _storable(solution[-1] + weight.sum(dim=1)))
    projection = Projection(mini.TEXT_SIZE, len(anchors), words.embedding_size).requires_grad_(False)
    projection.load_state_dict(dict(zip(projection.state_dict(), values, strict=True)))
    return projection


def _storable(values: Tensor) -> Tensor:
    """Round to float16, in which the file is half as large."""
    return values.half().float()


def encode(texts: Sequence[str]) -> Tensor:
    """Text features [N, 384] of the model's own text encoder."""
    files = {file.role: Checkpoint(file, locate(file)) for file in find_model("mini").files if file.role in _TEXT_ROLES}
    encoder = mini.load_mini_text_encoder(files)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # equal lengths together: less padding
    batches = [encoder.encode([texts[i] for i in order[start : start + 64]]) for start in range(0, len(texts), 64)]
    features = torch.empty(len(texts), mini.TEXT_SIZE)
    features[order] = torch.cat(batches)
    return features


_TEXT_ROLES = ("text", "tokenizer")


def leave_out(words: Words) -> tuple[list[int], Words]:
    """Take every fifth short text away; return their numbers and what is left."""
    short = [i for i, text in enumerate(words.texts) if len(text) < DEFINITION_LENGTH]
    held = set(short[::5])
    kept = [i for i in range(len(words.texts)) if i not in held]
    handwritten = sum(i < words.handwritten for i in kept)
    left = Words([words.texts[i] for i in kept], [words.axes[i] for i in kept], handwritten, words.members)
    return sorted(held), left


def report_held_out(features: Tensor, words: Words) -> None:
    """Fit without the words left out, and print how many of those find their axis."""
    held, left = leave_out(words)
    kept = torch.ones(len(features), dtype=torch.bool)
    kept[held] = False
    projected = F.normalize(fit(features[kept], left)(features[held]), dim=-1)[:, :-2]
    axes = torch.tensor(words.axes)[held]
    for name, some in (
        ("hand-written", [i < words.handwritten for i in held]),
        ("others", [i >= words.handwritten for i in held]),
    ):
        _report(name, projected[torch.tensor(some)], axes[torch.tensor(some)], words.embedding_size - 1)


def _report(name: str, projected: Tensor, axes: Tensor, nowhere: int) -> None:
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
    """A mean of booleans in per cent."""
    return f"{100 * flags.float().mean():.0f} %"


def main() -> None:
    """Train, then write the files or print the held-out figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hold-out", action="store_true", help="print what is guessed about words left out")
    hold_out = parser.parse_args().hold_out
    torch.use_deterministic_algorithms(True)
    words = collect_words()
    features = encode(words.texts)
    print(f"{len(words.texts)} texts, {words.embedding_size} axes")
    if hold_out:
        report_held_out(features, words)
        return
    state = {key: value.half() for key, value in fit(features, words).state_dict().items()}
    (DATA_FOLDER / "mini_projection.safetensors").write_bytes(save(state))
    mini.CONCEPTS_FILE.write_bytes(save({"members": words.members.to(torch.uint8)}))
    print(f"written to {DATA_FOLDER}")


if __name__ == "__main__":
    main()
