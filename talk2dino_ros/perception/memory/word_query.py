# SPDX-License-Identifier: Apache-2.0
"""A word and what competes with it, as vectors; the decision is the engine's own, for each voxel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.class_entries import ClassEntry, parse_class, parse_classes, shorten
from talk2dino_ros.engine.vocabulary import KIN_COSINE

Floats = NDArray[np.float32]

LOWEST_COSINE = -1.0
AGAINST = ("wall", "floor", "ceiling")  # what competes with a word where nothing else is named


@dataclass(frozen=True, eq=False)
class WordQuery:
    """A class and its competitors, as vectors.

    name: label of the class. vectors: float32 [M, D] of length 1, the class's first, then its competitors'.

    background: the score, 0..1, below which nothing was seen; None: no such threshold. logit_scale: of the confidence.
    """

    name: str
    vectors: Floats
    background: float | None
    logit_scale: float

    @property
    def nothing(self) -> float:
        """The cosine below which nothing was seen: a score is the sigmoid of a cosine."""
        if self.background is None:
            return LOWEST_COSINE
        return math.log(self.background / (1 - self.background))


def entries_of(class_name: str, against: Sequence[str]) -> tuple[ClassEntry, ...]:
    """Return the class that is asked for and its competitors, without those of its own name.

    Raises VocabularyError for one that is no class, for a class that is a distractor, and for questions.
    """
    asked = parse_class(class_name)
    if asked.mark:
        raise VocabularyError(
            f"{shorten(class_name)} is no class to find, expected 'name' or 'name: prompt'; leave {asked.mark!r} out"
        )
    others = [parse_class(text) for text in against]
    for entry in others:
        if entry.question:
            raise VocabularyError(f"{shorten(entry.text)} cannot compete, expected 'name' or '!name'; leave '?' out")
    rivals = [entry.text for entry in others if entry.name.casefold() != asked.name.casefold()]
    return parse_classes([asked.text, *rivals])


def make_query(
    entries: Sequence[ClassEntry], vectors: Floats, background: float | None, logit_scale: float
) -> WordQuery:
    """Make a query of a class, its competitors and their vectors [M, D].

    A competitor that means the same, or one of them a kind of the other, does not compete; a distractor always does:
    the rule of `Vocabulary.against`. background: where the class has no threshold of its own.
    """
    asked = entries[0]
    threshold = background if asked.threshold is None else asked.threshold
    cosines = vectors @ vectors[0]
    kept = [0] + [
        number
        for number, entry in enumerate(entries)
        if number and (entry.distractor or not _is_kin(entry, asked, float(cosines[number])))
    ]
    return WordQuery(asked.name, np.ascontiguousarray(vectors[kept]), threshold, logit_scale)


def scores_of(cosines: NDArray[np.floating]) -> Floats:
    """Return the engine's scores, 0..1, of cosines."""
    scores: Floats = (1 / (1 + np.exp(-np.asarray(cosines, np.float64)))).astype(np.float32)
    return scores


def confidence_of(best: float, against: float, logit_scale: float) -> float:
    """Return the probability of the class beside the strongest of all others, of their cosines."""
    return 1 / (1 + math.exp(min(700.0, -logit_scale * (best - against))))


def _is_kin(entry: ClassEntry, asked: ClassEntry, cosine: float) -> bool:
    shared = {prompt.casefold() for prompt in entry.prompts} & {prompt.casefold() for prompt in asked.prompts}
    return bool(shared) or cosine >= KIN_COSINE
