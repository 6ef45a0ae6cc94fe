# SPDX-License-Identifier: Apache-2.0
"""The decision of a batch by a table against the decision of one image by its settings."""

import pytest
import torch

from talk2dino_ros.engine.inference.decision import Decision, ScoreMap
from talk2dino_ros.engine.inference.decision.decision_batch import decide
from talk2dino_ros.engine.inference.decision.decision_plain import decide_plain
from talk2dino_ros.engine.inference.decision.decision_table import ABSENT, DISTRACTOR, DecisionTable, padded_count

MASK = Decision(0.5, 14.0, 255, background_id=9)
QUESTION = Decision(0.52, 14.0, 255)


def seeded(*shape):
    return torch.sigmoid(torch.rand(*shape, generator=torch.Generator().manual_seed(7)) * 2 - 1)


@pytest.mark.parametrize("align_corners", [True, False])
def test_each_image_of_a_batch_is_decided_as_if_it_were_alone(align_corners):
    scores = seeded(2, 6, 5, 9)
    published = [{0: 1, 1: 255, 2: 3}, {3: 7, 0: 255, 2: 255}]
    table = DecisionTable.of([(MASK, published[0]), (QUESTION, published[1])], 6, "cpu")
    found = decide(scores, (23, 31), table, align_corners=align_corners)
    assert (found.shape, found.dtype) == ((2, 2, 2, 23, 31), torch.uint8)
    for number, decision in enumerate((MASK, QUESTION)):
        rows = list(published[number])
        for image in range(2):
            alone = ScoreMap(scores[image, rows], align_corners, tuple(published[number].values()))
            expected = decide_plain(decision, alone, None, (23, 31))
            assert torch.equal(found[:, number, image], expected)
            assert len(expected[0].unique()) > 1


def test_the_decision_table_has_the_kind_of_each_row():
    table = DecisionTable.of([(MASK, {0: 1, 1: 255, 2: 0})], 4, "cpu")
    assert table.ids.tolist() == [[1, DISTRACTOR, 0, ABSENT]]
    assert table.rules.tolist() == [[0.5, 14.0, 9.0, 1.0]]
    bare = DecisionTable.of([(Decision(None, 10.0, 0), {0: 3, 1: 0})], 2, "cpu")
    assert bare.ids.tolist() == [[3, DISTRACTOR]]
    assert bare.rules.tolist() == [[0.0, 10.0, 0.0, 0.0]]


@pytest.mark.parametrize(("count", "rows"), [(1, 8), (8, 8), (9, 16), (20, 32), (150, 256), (257, 512), (600, 768)])
def test_classes_are_padded_to_a_few_sizes(count, rows):
    assert padded_count(count) == rows
