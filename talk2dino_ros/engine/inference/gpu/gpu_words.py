# SPDX-License-Identifier: Apache-2.0
"""A vocabulary as tensors of few shapes, which another vocabulary can take over without moving.

Classes are padded to a multiple of STEP, so that a word more seldom needs another recording. The mask's classes come
first, the questions behind them: both are padded apart, as a question shall change no bit of the mask's scores.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from talk2dino_ros.engine.inference.ballots import Ballot, ballots_of
from talk2dino_ros.engine.inference.decision import Decision
from talk2dino_ros.engine.inference.decision.decision_table import DecisionTable
from talk2dino_ros.engine.vocabulary import Vocabulary

STEP = 4


class WordShape(NamedTuple):
    """What a vocabulary is padded to, so that a recording serves several.

    in_mask, questions: rows, padding included; ballots: the mask's and one for each question.
    """

    in_mask: int
    questions: int
    ballots: int

    @property
    def rows(self) -> int:
        """P, of all."""
        return self.in_mask + self.questions


@dataclass(frozen=True)
class GpuWords:
    """embeddings: float32 [P, D], padded by repeating a class. table: who competes with whom, on K ballots.

    count: int32 [1], the first row behind which there is none but padding.
    """

    embeddings: Tensor
    table: DecisionTable
    count: Tensor

    @staticmethod
    def empty(shape: WordShape, embedding_size: int, device: torch.device) -> "GpuWords":
        """Make room for vocabularies of one shape."""
        table = DecisionTable(
            torch.empty(shape.ballots, shape.rows, dtype=torch.int16, device=device),
            torch.empty(shape.ballots, shape.rows, device=device),
            torch.empty(shape.ballots, 3, device=device),
        )
        embeddings = torch.empty(shape.rows, embedding_size, device=device)
        return GpuWords(embeddings, table, torch.empty(1, dtype=torch.int32, device=device))

    def tensors(self) -> tuple[Tensor, ...]:
        """Return all of them, in the order of `HostWords.arrays`."""
        return self.embeddings, self.table.ids, self.table.floors, self.table.rules, self.count

    def ballot(self, number: int) -> DecisionTable:
        """Return the table of one ballot alone, a view."""
        rows = slice(number, number + 1)
        return DecisionTable(self.table.ids[rows], self.table.floors[rows], self.table.rules[rows])


class HostWords:
    """A vocabulary in that layout, on the host. decision: how a question is decided.

    shape: its WordShape. rows: int64 [C], the row of each of the vocabulary's classes.
    """

    def __init__(self, vocabulary: Vocabulary, decision: Decision) -> None:
        in_mask = vocabulary.in_mask()
        questions = [number for number, entry in enumerate(vocabulary.classes) if entry.question]
        first, second = _padded(in_mask), _padded(questions)
        self.rows = np.zeros(len(vocabulary.classes), np.int64)
        self.rows[in_mask] = range(len(in_mask))
        self.rows[questions] = range(len(first), len(first) + len(questions))
        of_mask, *asked = ballots_of(vocabulary, decision.unlabeled_id)
        decision = replace(decision, thresholds=vocabulary.thresholds())
        ballots = [(replace(decision, background_id=vocabulary.background_id), self._by_row(of_mask))]
        ballots += [(decision, self._by_row(ballot)) for ballot in asked]
        self.shape = WordShape(len(first), len(second), len(ballots))
        table = DecisionTable.of(ballots, self.shape.rows, "cpu")
        count = len(first) + len(questions) if questions else len(in_mask)
        self.arrays: tuple[npt.NDArray[Any], ...] = (
            vocabulary.embeddings[[*first, *second]],
            table.ids.numpy(),
            table.floors.numpy(),
            table.rules.numpy(),
            np.array([count], np.int32),
        )

    def _by_row(self, ballot: Ballot) -> dict[int, int]:
        return {int(self.rows[number]): class_id for number, class_id in zip(ballot.classes, ballot.ids, strict=True)}


def _padded(numbers: list[int]) -> list[int]:
    """Repeat the first one up to a multiple of STEP: a copy changes no least and no greatest value of all."""
    return numbers + numbers[:1] * (-len(numbers) % STEP)
