# SPDX-License-Identifier: Apache-2.0
"""What decides, as small tensors on the device: another vocabulary of the same padded size, or another threshold,
changes their values alone, and what is launched stays the same."""

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
    floors: float32 [N, C], the score that each row has to be above to be a label (`Decision.floor_of`), 0 for others.
    rules: float32 [N, 3]: the logits' scale, the id where no label won, and 1 where that has a confidence, else 0.
    """

    ids: Tensor
    floors: Tensor
    rules: Tensor

    @staticmethod
    def of(ballots: Sequence[tuple["Decision", Mapping[int, int]]], rows: int, device: str) -> "DecisionTable":
        """Copy to the device. ballots: how each decides, and {row: what it is published as}; rows: C."""
        ids, floors = torch.full((len(ballots), rows), ABSENT, dtype=torch.int16), torch.zeros(len(ballots), rows)
        for number, (decision, published) in enumerate(ballots):
            for row, class_id in published.items():
                is_label = class_id != decision.unlabeled_id
                ids[number, row] = class_id if is_label else DISTRACTOR
                floors[number, row] = decision.floor_of(class_id) if is_label else 0
        rules = torch.tensor([_rules(decision) for decision, _ in ballots])
        return DecisionTable(ids.to(device), floors.to(device), rules.to(device))


def _rules(decision: "Decision") -> tuple[float, float, float]:
    has_id = decision.background_id is not None
    nothing_id = decision.background_id if decision.background_id is not None else decision.unlabeled_id
    return decision.logit_scale, float(nothing_id), float(has_id)
