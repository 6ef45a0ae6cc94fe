# SPDX-License-Identifier: Apache-2.0
"""The decision of a batch by a table against the decision of one image by its settings."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from talk2dino_ros.engine.inference.decision import Decision, ScoreMap
from talk2dino_ros.engine.inference.decision.decision_batch import decide
from talk2dino_ros.engine.inference.decision.decision_plain import decide_plain
from talk2dino_ros.engine.inference.decision.decision_table import ABSENT, DISTRACTOR, DecisionTable

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
    own = replace(MASK, thresholds={0: 0.75})
    table = DecisionTable.of([(own, {0: 1, 1: 255, 2: 0})], 4, "cpu")
    assert table.ids.tolist() == [[1, DISTRACTOR, 0, ABSENT]]
    assert table.floors.tolist() == [[0.5, 0.0, 0.75 - 2**-24, 0.0]]  # just below, as what equals it has reached it
    assert table.rules.tolist() == [[14.0, 9.0, 1.0]]
    bare = DecisionTable.of([(Decision(None, 10.0, 0), {0: 3, 1: 0})], 2, "cpu")
    assert bare.ids.tolist() == [[3, DISTRACTOR]]
    assert bare.floors.tolist() == [[0.0, 0.0]]
    assert bare.rules.tolist() == [[10.0, 0.0, 0.0]]


INTERPRETED = """
import torch
from talk2dino_ros.engine.inference.decision import Decision
from talk2dino_ros.engine.inference.decision.decision_batch import decide_batch
from talk2dino_ros.engine.inference.decision.decision_gpu import decide_gpu
from talk2dino_ros.engine.inference.decision.decision_table import DecisionTable
generator = torch.Generator().manual_seed(7)
for classes, own, size, background, align_corners in (
    (1, (3, 4), (3, 13), None, True), (1, (3, 4), (3, 13), 0.55, False), (2, (3, 5), (3, 5), None, False),
    (2, (3, 5), (3, 5), 0.55, True), (17, (4, 9), (3, 301), None, True), (17, (7, 9), (3, 17), 0.55, False),
    (150, (4, 6), (1, 31), 0.55, True), (150, (4, 6), (1, 31), None, False), (3, (6, 7), (1, 2), None, True),
    (3, (1, 1), (2, 3), 0.55, False),
):
    values = torch.sigmoid(torch.rand(2, *own, classes + 1, generator=generator) * 2 - 1)
    values[..., -1] = torch.nan  # a row that is on no ballot
    scores = values.permute(0, 3, 1, 2)
    published = {row: 255 if row % 5 == 4 else row + 1 for row in range(classes)}
    ballots = [
        (Decision(background, 14.0, 255), published),
        (Decision(background, 14.0, 255, background_id=9, thresholds={1: 0.5, 3: 0.7, 12: 0.62}), published),
        (Decision(0.6, 30.0, 255, background_id=200), {0: 7, **dict.fromkeys(range(1, classes), 255)}),
    ]
    table = DecisionTable.of(ballots, classes + 1, "cpu")
    labels, sure = decide_gpu(scores, size, table, align_corners)
    expected, probability = decide_batch(scores, size, table, align_corners)
    # a tie may fall either way, where a last bit of the interpolation differs: none does with these values
    assert torch.equal(labels, expected), (classes, background, align_corners)
    apart = (sure.int() - probability.int()).abs().max()
    assert apart <= 1, (classes, background, align_corners, apart)
    assert size[1] < 10 or len(labels.unique()) > 1, labels
print("compared")
"""


def test_the_triton_kernel_in_triton_s_interpreter_equals_the_plain_path():
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    command = [sys.executable, "-W", "error", "-c", INTERPRETED]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (run.stdout, run.returncode) == ("compared\n", 0), run.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU, which PyTorch does not see here")
@pytest.mark.parametrize("align_corners", [True, False])
def test_on_a_gpu_the_triton_kernel_equals_the_plain_path(align_corners):
    scores = seeded(2, 32, 37, 41).cuda()
    table = DecisionTable.of([(MASK, {row: row + 1 for row in range(20)})], 32, "cuda")
    labels, sure = decide(scores, (480, 641), table, align_corners=align_corners)
    expected, probability = decide(scores, (480, 641), table, align_corners=align_corners, is_plain=True)
    is_same = labels == expected
    assert is_same.float().mean() > 0.9999  # a tie may fall either way
    assert (sure.int() - probability.int())[is_same].abs().max() <= 1
