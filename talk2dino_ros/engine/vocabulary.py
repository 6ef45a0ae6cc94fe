# SPDX-License-Identifier: Apache-2.0
"""A vocabulary: the classes a user wrote (see text/class_entries.py for their syntax), their vectors and their ids.

This file needs NumPy only; encoding the words is the segmenter's task.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.files.bounded_parsers import parse_json
from talk2dino_ros.engine.files.regular_files import check_regular, user_path
from talk2dino_ros.engine.text.class_entries import MAX_CLASSES, ClassEntry, parse_classes, shorten
from talk2dino_ros.engine.text.counted import counted

UNLABELED_ID = 255  # the rule of vision_msgs/LabelInfo for an 8-bit mask
# Classes whose vectors have at least this cosine mean the same, or one of them a kind of the other. Measured with
# `python -m benchmarks.kinship`.
KIN_COSINE = 0.6
_UNIT = 1e-6  # how far from 1 rounding leaves a length

# what a file of something else raises
_FOREIGN = (KeyError, ValueError, TypeError, AttributeError)
_FILE_FORMAT = "talk2dino vocabulary 2"  # the number goes up when files made before can no longer be trusted


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Classes with their vectors: immutable, made once and used for many images.

    embeddings: float32 [C, D], L2-normalised, one row per class, read-only.
    ids: the class's value in the mask, 0..254; UNLABELED_ID for distractors; for a question what its points and objects
        are published under, and no value in the mask.
    model: the model that encoded it ("" for vectors made elsewhere).
    projection: sha256 of the projection file that it went through; "" for the model's own.
    version: the node's version in nanoseconds, 0 outside of a node.
    warnings: sentences for the user, such as a prompt that the text encoder cuts.
    background_class, background_id: label and id of all that is unlabeled, "" and None for none of its own.
    """

    classes: tuple[ClassEntry, ...]
    embeddings: npt.NDArray[np.float32]
    ids: tuple[int, ...] = ()
    model: str = ""
    projection: str = ""
    version: int = 0
    warnings: tuple[str, ...] = ()
    background_class: str = ""
    background_id: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "embeddings", _normalized(self.embeddings, len(self.classes)))
        ids = self.ids or default_ids(self.classes)
        if len(ids) != len(self.classes):
            raise VocabularyError(
                f"{counted(len(ids), 'id')} for {counted(len(self.classes), 'class', 'classes')}, expected one per "
                "class; give one each"
            )
        object.__setattr__(self, "ids", tuple(ids))

    @classmethod
    def from_embeddings(cls, names: Sequence[str], embeddings: npt.ArrayLike) -> "Vocabulary":
        """Make a vocabulary of vectors made elsewhere: one class (as `parse_classes` reads it) per row of [C, D]."""
        return cls(parse_classes(names), np.asarray(embeddings, dtype=np.float32))

    @property
    def names(self) -> tuple[str, ...]:
        """The labels of all classes, distractors included."""
        return tuple(entry.name for entry in self.classes)

    def labels(self) -> dict[int, str]:
        """Return id to name of the classes that may be in the mask, by ascending id: no distractors, no questions."""
        pairs = [(i, entry.name) for i, entry in zip(self.ids, self.classes, strict=True) if entry.is_labelled]
        return dict(sorted(pairs))

    def questions(self) -> dict[int, str]:
        """Return id to name of the questions, by ascending id."""
        pairs = [(i, entry.name) for i, entry in zip(self.ids, self.classes, strict=True) if entry.question]
        return dict(sorted(pairs))

    def thresholds(self) -> dict[int, float]:
        """Return id to threshold of the classes and questions that have one of their own."""
        pairs = zip(self.ids, self.classes, strict=True)
        return {i: entry.threshold for i, entry in pairs if entry.threshold is not None}

    def in_mask(self) -> list[int]:
        """Return the numbers of the classes that compete for the mask: all but the questions."""
        return [number for number, entry in enumerate(self.classes) if not entry.question]

    def against(self, question: int) -> list[int]:
        """Return the numbers of the classes that compete with a question (by its number): who means something else.

        These are the distractors, and the labelled classes that are not its kin: that share a prompt with it, or
        whose vectors are close to its own (KIN_COSINE). "woman" is a kind of "person: person, man", not its rival.
        """
        asked, cosines = self.classes[question], self.embeddings @ self.embeddings[question]
        return [number for number in self.in_mask() if not self._is_kin(self.classes[number], asked, cosines[number])]

    @staticmethod
    def _is_kin(entry: ClassEntry, asked: ClassEntry, cosine: float) -> bool:
        shared = _folded(entry.prompts) & _folded(asked.prompts)
        return entry.is_labelled and bool(shared or cosine >= KIN_COSINE)

    def mask_labels(self) -> dict[int, str]:
        """Return id to name of all that a mask may hold beside the unlabeled id: labels, and the background's."""
        background = {} if self.background_id is None else {self.background_id: self.background_class}
        return dict(sorted((self.labels() | background).items()))

    def published_ids(self, unlabeled_id: int) -> list[int]:
        """Return the mask's value for each class: its id, and the unlabeled one for a distractor."""
        entries = zip(self.classes, self.ids, strict=True)
        return [unlabeled_id if entry.distractor else class_id for entry, class_id in entries]

    def with_ids(self, ids: Sequence[int], version: int) -> "Vocabulary":
        """Return the same classes under other ids and another version."""
        return replace(self, ids=tuple(ids), version=version)

    def with_classes(self, classes: Sequence[ClassEntry]) -> "Vocabulary":
        """Return the same words with the thresholds of `classes`, which differ in nothing else."""
        return replace(self, classes=tuple(classes))

    def has_words_of(self, classes: Sequence[ClassEntry]) -> bool:
        """Whether these are the same classes in the same order, whatever their thresholds."""
        return [entry.words for entry in self.classes] == [entry.words for entry in classes]

    def scores_as(self, other: "Vocabulary") -> bool:
        """Whether an image's scores are the same with both: the same vectors, ids and ballots."""
        if self is other:
            return True
        is_alike = self.ids == other.ids and self.has_words_of(other.classes)
        return is_alike and np.array_equal(self.embeddings, other.embeddings)

    def with_background(self, name: str, class_id: int) -> "Vocabulary":
        """Return the same classes, and this label and id for all that is unlabeled. See `check_background`."""
        return replace(self, background_class=name, background_id=class_id)

    def save(self, path: str | Path) -> None:
        """Write classes, ids and vectors to one safetensors file, so that a robot needs no text encoder.

        The file has its name only when it is whole. Raises VocabularyError where it cannot be written.
        """
        metadata = {
            "format": _FILE_FORMAT,
            "classes": json.dumps([entry.text for entry in self.classes]),
            "ids": json.dumps(self.ids),
            "model": self.model,
            "projection": self.projection,
        }
        try:
            write_atomically(Path(path), save({"embeddings": np.ascontiguousarray(self.embeddings)}, metadata=metadata))
        except OSError as error:
            raise VocabularyError(
                f"{path} could not be written ({error}), expected a folder with room for it; name another"
            ) from error

    @classmethod
    def load(cls, path: str | Path) -> "Vocabulary":
        """Read what `save` wrote. Raises VocabularyError where the file is something else or damaged."""
        try:
            with safe_open(check_regular(user_path(path)), framework="numpy") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != _FILE_FORMAT:
                    raise ValueError(f"its format is {metadata.get('format')!r}, not {_FILE_FORMAT!r}")
                classes = parse_classes(_list_in(metadata["classes"]))
                ids = _checked_ids(_list_in(metadata["ids"]), classes)
                return cls(classes, file.get_tensor("embeddings"), ids, metadata["model"], metadata["projection"])
        except (OSError, SafetensorError, VocabularyError, *_FOREIGN) as error:
            raise VocabularyError(
                f"{path} cannot be read as a vocabulary ({str(error) or repr(error)}), "
                "expected a file of `talk2dino encode`; correct the path, or encode the words again"
            ) from error


def _list_in(text: str) -> list[Any]:
    values = parse_json(text)
    if not isinstance(values, list):
        raise ValueError(f"{shorten(text)} is no list")
    return values


def _checked_ids(ids: list[Any], classes: Sequence[ClassEntry]) -> tuple[int, ...]:
    are_ids = all(type(each) is int and 0 <= each <= UNLABELED_ID for each in ids)
    labelled = [each for each, entry in zip(ids, classes, strict=False) if not entry.distractor]
    if not are_ids or len(ids) != len(classes) or UNLABELED_ID in labelled or len(set(labelled)) != len(labelled):
        raise ValueError(
            f"its ids are {shorten(str(ids))}, not one for each class, for a labelled one from 0 to {UNLABELED_ID - 1} "
            "and one of its own"
        )
    return tuple(ids)


def default_ids(classes: Sequence[ClassEntry]) -> tuple[int, ...]:
    """Give the labelled classes the ids 1, 2, 3, ..., then the questions; distractors get UNLABELED_ID."""
    ids = iter(range(1, MAX_CLASSES + 1))
    of_labelled = [next(ids) if entry.is_labelled else UNLABELED_ID for entry in classes]
    pairs = zip(classes, of_labelled, strict=True)
    return tuple(next(ids) if entry.question else class_id for entry, class_id in pairs)


def _folded(prompts: Sequence[str]) -> set[str]:
    return {prompt.casefold() for prompt in prompts}


def _normalized(embeddings: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    vectors = np.array(embeddings, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != count:
        raise VocabularyError(
            f"embeddings have the shape {vectors.shape}, expected ({count}, D), one row per class; give one vector each"
        )
    with np.errstate(over="ignore"):  # beyond what can be squared is not finite
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or not np.all(lengths > 0):
        raise VocabularyError(
            "an embedding is zero or not finite, expected vectors with a direction; encode the words again"
        )
    vectors /= np.where(abs(lengths - 1) < _UNIT, np.float32(1), lengths)  # what is normalized stays to the bit
    vectors.flags.writeable = False
    return vectors
