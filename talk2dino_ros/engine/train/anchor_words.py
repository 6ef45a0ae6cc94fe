# SPDX-License-Identifier: Apache-2.0
"""The words that the projection of `mini` is trained on: each text, and the axis of the shared space it stands for.

They are ImageNet's class names, lemmas and definitions (timm's ImageNetInfo), and a file of words written by hand.
mini.py says which axes there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from timm.data import ImageNetInfo
from torch import Tensor

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.models import mini
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.train.recipe import read_yaml
from talk2dino_ros.engine.weights.weights_files import Checkpoint, locate

_AT_ONCE = 64  # texts
_PARTS = {"concepts": dict, "unsupported": list}


@dataclass(frozen=True)
class AnchorWords:
    """texts, the first of them handwritten, and for each the axis that it stands for.

    members: bool [G, 1000], the concepts of several classes.
    """

    texts: list[str]
    axes: list[int]
    handwritten: int
    members: Tensor

    @property
    def embedding_size(self) -> int:
        """The classes, the concepts of several classes, the filler and "nowhere"."""
        return mini.CLASSES + len(self.members) + 2


def collect_words(path: Path) -> AnchorWords:
    """Read the class list and the words written by hand; these come before a lemma. Raises TrainingError."""
    lemmas = class_lemmas()
    table = read_yaml(path)
    for part, kind in _PARTS.items():
        if not isinstance(table.get(part), kind):
            raise TrainingError(
                f"{path} has {part} {str(table.get(part))[:40]!r}, expected a {kind.__name__} of words; "
                "write it as the shipped mini_words.yaml does"
            )
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


def class_lemmas() -> list[list[str]]:
    """Return the names of each ImageNet class, the first one first."""
    info = ImageNetInfo()
    return [[name.strip() for name in info.index_to_description(i).split(",")] for i in range(mini.CLASSES)]


def class_definitions() -> list[str]:
    """Return each class's definition in WordNet."""
    info = ImageNetInfo()
    return [info.index_to_description(i, detailed=True).split(": ", 1)[-1] for i in range(mini.CLASSES)]


def find_classes(names: Sequence[str], lemmas: Sequence[Sequence[str]]) -> list[int]:
    """Return the class numbers of names and of runs `first..last`, each once. Raises TrainingError."""
    classes: set[int] = set()
    for name in names:
        first, _, last = name.partition("..")
        start = find_class(first, lemmas)
        classes.update(range(start, (find_class(last, lemmas) if last else start) + 1))
    return sorted(classes)


def find_class(name: str, lemmas: Sequence[Sequence[str]]) -> int:
    """Return the number of the class that has this first lemma, else this lemma; `name#123` says it outright."""
    lemma, _, number = name.partition("#")
    if number.isdecimal() and int(number) < len(lemmas):
        return int(number)
    found = [i for i, names in enumerate(lemmas) if names[0] == name]
    found = found or [i for i, names in enumerate(lemmas) if name in names]
    if len(found) != 1:
        raise TrainingError(
            f"{name!r} names {len(found)} ImageNet classes, expected 1; write a lemma or {lemma}#number"
        )
    return found[0]


def _with_classes(axis_of: dict[str, int], lemmas: list[list[str]], members: Tensor) -> AnchorWords:
    pairs = list(axis_of.items())
    pairs += [(name, i) for i, names in enumerate(lemmas) for name in names if name not in axis_of]
    pairs += [(", ".join(names), i) for i, names in enumerate(lemmas) if len(names) > 1]
    pairs += [(text, i) for i, text in enumerate(class_definitions())]
    return AnchorWords([text for text, _ in pairs], [axis for _, axis in pairs], len(axis_of), members)


def encode_texts(texts: Sequence[str]) -> Tensor:
    """Return text features [N, 384] of the model's own text encoder. Raises WeightsError."""
    model = find_model("mini")
    files = {file.role: Checkpoint(file, locate(file)) for file in model.files if file.role in model.text_roles}
    encoder = mini.load_mini_text_encoder(files)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # equal lengths together: less padding
    starts = range(0, len(texts), _AT_ONCE)
    features = torch.empty(len(texts), mini.TEXT_SIZE)
    features[order] = torch.cat([encoder.encode([texts[i] for i in order[at : at + _AT_ONCE]]) for at in starts])
    return features
