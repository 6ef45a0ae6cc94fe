# SPDX-License-Identifier: Apache-2.0
"""Ballots: which classes of a vocabulary compete with each other, for the mask or for the answer to a question."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from talk2dino_ros.engine.vocabulary import Vocabulary


@dataclass(frozen=True)
class Ballot:
    """Classes that compete for one answer: their numbers in the vocabulary and their published ids.

    The mask's ballot has all classes but the questions. A question has one of its own: all that mean something else
    stand on it as distractors (`Vocabulary.against`).
    """

    classes: tuple[int, ...]
    ids: tuple[int, ...]

    def those(self, numbers: Sequence[int]) -> tuple[int, ...]:
        """Return the ids of some of its classes, by the vocabulary's numbers."""
        known = dict(zip(self.classes, self.ids, strict=True))
        return tuple(known[number] for number in numbers)


def ballots_of(vocabulary: Vocabulary, unlabeled_id: int) -> tuple[Ballot, ...]:
    """List the mask's ballot, then one for each question, in the vocabulary's order."""
    published, in_mask = vocabulary.published_ids(unlabeled_id), vocabulary.in_mask()
    ballots = [Ballot(tuple(in_mask), tuple(published[number] for number in in_mask))]
    for question, entry in enumerate(vocabulary.classes):
        if entry.question:
            against = vocabulary.against(question)
            ballots.append(Ballot((question, *against), (published[question], *[unlabeled_id] * len(against))))
    return tuple(ballots)


@dataclass(frozen=True)
class BallotWords:
    """A vocabulary on the device: embeddings float32 [C, D]; ballots: the mask's, then one for each question."""

    embeddings: Tensor
    ballots: tuple[Ballot, ...]
    questions: tuple[int, ...]
    vocabulary: Vocabulary

    @staticmethod
    def of(vocabulary: Vocabulary, unlabeled_id: int, device: str) -> "BallotWords":
        """Copy a vocabulary to the device."""
        questions = tuple(number for number, entry in enumerate(vocabulary.classes) if entry.question)
        embeddings = torch.from_numpy(vocabulary.embeddings.copy()).to(device)
        return BallotWords(embeddings, ballots_of(vocabulary, unlabeled_id), questions, vocabulary)


def some(values: Tensor, numbers: Sequence[int]) -> Tensor:
    """Select rows of the first axis; a view where they are the first ones."""
    count = len(numbers)
    return values[:count] if list(numbers) == list(range(count)) else values[list(numbers)]


def apart(words: BallotWords, values_of: Callable[[Tensor], Tensor]) -> Tensor:
    """Compute values [C, ...] from embeddings, the questions' apart, so that those of the others have the same bits."""
    if not words.questions:
        return values_of(words.embeddings)
    in_mask, questions = list(words.ballots[0].classes), list(words.questions)
    first = values_of(words.embeddings[in_mask])
    values = first.new_empty((len(words.embeddings), *first.shape[1:]))
    values[in_mask], values[questions] = first, values_of(words.embeddings[questions])
    return values
