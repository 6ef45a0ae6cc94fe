# SPDX-License-Identifier: Apache-2.0
"""What decides, as two small tensors on the device: another vocabulary of the same padded size changes their values
alone, and what is launched stays the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from talk2dino_ros.engine.inference.decision import Decision

DISTRACTOR = -1  # wins against a label and has none
ABSENT = -2  # on no ballot: the rows that pad the classes


@dataclass(frozen=True)
class DecisionTable:
    """N ballots over C rows of scores.

    ids: int16 [N, C], what each row is published as, 0..255, or `DISTRACTOR` or `ABSENT`.
    rules: float32 [N, 4]: the background's score (0: none), the logits' scale, the id where no label won, and 1 where
        that has a confidence, else 0.
    """

    ids: Tensor
    rules: Tensor

    @staticmethod
    def of(ballots: Sequence[tuple["Decision", Mapping[int, int]]], rows: int, device: str) -> "DecisionTable":
        """Copy to the device. ballots: how each decides, and {row: what it is published as}; rows: C."""
        ids = torch.full((len(ballots), rows), ABSENT, dtype=torch.int16)
        for own, (decision, published) in zip(ids, ballots, strict=True):
            for row, class_id in published.items():
                own[row] = DISTRACTOR if class_id == decision.unlabeled_id else class_id
        rules = torch.tensor([_rules(decision) for decision, _ in ballots])
        return DecisionTable(ids.to(device), rules.to(device))


def _rules(decision: "Decision") -> tuple[float, float, float, float]:
    has_id = decision.background_id is not None
    nothing_id = decision.background_id if decision.background_id is not None else decision.unlabeled_id
    return decision.background or 0.0, decision.logit_scale, float(nothing_id), float(has_id)
