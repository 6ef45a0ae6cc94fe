# SPDX-License-Identifier: Apache-2.0
"""Both paths against NumPy and F.interpolate on the whole image."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from talk2dino_ros.engine.decision import Decision, ScoreMap, plain
from talk2dino_ros.engine.decision.cpu import decide_cpu
from talk2dino_ros.engine.decision.plain import decide_plain

SETTINGS = {"background": None, "logit_scale": 14.0, "unlabeled_id": 255}
PATHS = {"plain": decide_plain, "cpu": decide_cpu}


@pytest.fixture(params=PATHS)
def run(request):
    def decide(scores, size, *, align_corners=True, rivals=None, ids=None, **settings):
        ids = torch.tensor(ids or list(range(1, len(scores) + 1)), dtype=torch.uint8)
        decision = Decision(**{**SETTINGS, **settings})
        return PATHS[request.param](decision, ScoreMap(scores, align_corners), rivals, size, ids)

    return decide


def seeded(*shape):
    return torch.sigmoid(torch.rand(*shape, generator=torch.Generator().manual_seed(7)) * 2 - 1)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("size", [(45, 61), (3, 2), (6, 7), (2, 1), (1, 2)])
def test_classes_and_confidence_equal_a_whole_image_computation(run, align_corners, size):
    scores = seeded(5, 6, 7)
    large = F.interpolate(scores[None], size, mode="bilinear", align_corners=align_corners)[0].double().numpy()
    powers = np.exp(14.0 * np.log(large / (1 - large)))
    probability = powers.max(axis=0) / powers.sum(axis=0)
    class_ids, confidence = run(scores, size, align_corners=align_corners)
    np.testing.assert_array_equal(class_ids.numpy(), large.argmax(axis=0) + 1)
    np.testing.assert_allclose(confidence.numpy(), probability * 255, atol=0.6)


@pytest.mark.parametrize("align_corners", [True, False])
def test_strips_give_what_one_strip_gives(monkeypatch, align_corners):
    decision, ids = Decision(0.5, 14.0, 255), torch.tensor([1, 2, 3, 4], dtype=torch.uint8)
    scores, rivals = ScoreMap(seeded(4, 5, 9), align_corners), ScoreMap(seeded(2, 3, 4), True)
    whole = decide_plain(decision, scores, rivals, (50, 70), ids)
    held = []

    def watched(decision, *fields):
        held.append(sum(field.numel() for field in fields))
        return decide_strip(decision, *fields)

    decide_strip = plain._decide_strip
    monkeypatch.setattr(plain, "_decide_strip", watched)
    monkeypatch.setattr(plain, "STRIP_VALUES", 6 * 70 * 3)
    assert torch.equal(decide_plain(decision, scores, rivals, (50, 70), ids), whole)
    assert max(held) == 6 * 70 * 3  # of all six classes, and never more


def test_on_a_cpu_the_compiled_path_decides(monkeypatch):
    decision, ids = Decision(0.5, 14.0, 255), torch.tensor([1, 2], dtype=torch.uint8)
    scores = ScoreMap(seeded(2, 5, 9), True)
    monkeypatch.delattr(plain, "decide_plain")
    assert torch.equal(decision(scores, None, (20, 30), ids), decide_cpu(decision, scores, None, (20, 30), ids))


def test_the_background_wins_where_no_class_is_above_it_and_wins_ties(run):
    scores = torch.tensor([[[0.60, 0.55, 0.50]], [[0.40, 0.40, 0.54]]])
    class_ids, confidence = run(scores, (1, 3), background=0.55)
    assert class_ids.tolist() == [[1, 255, 255]]
    assert confidence[0, 0] > 0
    assert confidence[0, 1:].tolist() == [0, 0]


def test_the_confidence_counts_the_background_as_a_competitor(run):
    # one class, cosine 0.3, against a background at cosine 0.2, scale 10: softmax(3, 2) = 1 / (1 + e^-1)
    scores = torch.sigmoid(torch.full((1, 1, 1), 0.3))
    background = float(torch.sigmoid(torch.tensor(0.2)))
    _, confidence = run(scores, (1, 1), background=background, logit_scale=10.0)
    assert confidence.item() == round(255 / (1 + np.exp(-1)))


def test_one_class_without_a_background_has_no_competitor(run):
    class_ids, confidence = run(torch.full((1, 2, 2), 0.4), (2, 2))
    assert class_ids.unique().tolist() == [1]
    assert confidence.unique().tolist() == [255]


def test_a_distractor_wins_pixels_and_is_published_as_unlabeled(run):
    scores = torch.tensor([[[0.7, 0.3]], [[0.3, 0.7]]])
    class_ids, confidence = run(scores, (1, 2), ids=[4, 0], unlabeled_id=0)
    assert class_ids.tolist() == [[4, 0]]
    assert confidence[0, 0] > 200
    assert confidence[0, 1] == 0


def test_of_two_equal_classes_the_first_wins(run):
    class_ids, _ = run(torch.full((3, 2, 2), 0.6), (4, 4))
    assert class_ids.unique().tolist() == [1]


def test_rivals_lower_the_confidence_and_win_nothing(run):
    # one class at cosine 0.3, a rival at 0.2, scale 10: softmax(3, 2)
    scores = torch.sigmoid(torch.full((1, 1, 1), 0.3))
    rival = ScoreMap(torch.sigmoid(torch.full((1, 2, 2), 0.2)), align_corners=True)
    class_ids, confidence = run(scores, (1, 1), rivals=rival, logit_scale=10.0)
    assert class_ids.item() == 1
    assert confidence.item() == round(255 / (1 + np.exp(-1)))


def test_a_rival_above_the_winner_wins_nothing_either(run):
    # refining may lower the winner below what a rival had before it: softmax(2, 3)
    scores = torch.sigmoid(torch.full((1, 1, 1), 0.2))
    rival = ScoreMap(torch.sigmoid(torch.full((1, 1, 1), 0.3)), align_corners=True)
    class_ids, confidence = run(scores, (1, 1), rivals=rival, logit_scale=10.0)
    assert class_ids.item() == 1
    assert confidence.item() == round(255 / (1 + np.e))


@pytest.mark.parametrize("background", [None, 0.0])
def test_the_lowest_and_highest_cosines_and_a_steep_softmax_stay_finite(run, background):
    scores = torch.sigmoid(torch.tensor([[[1.0, -1.0]], [[-1.0, -1.0]]]))
    class_ids, confidence = run(scores, (1, 2), logit_scale=100.0, background=background)
    assert class_ids[0, 0].item() == 1
    assert confidence[0, 0].item() == 255
    assert confidence[0, 1].item() in (127, 128)  # two classes alike: 127.5


def test_both_paths_agree_on_an_image_of_many_bands():
    decision, ids = Decision(0.5, 14.0, 255), torch.arange(1, 31, dtype=torch.uint8)
    scores, rivals = ScoreMap(seeded(30, 32, 32), True), ScoreMap(seeded(7, 20, 24), False)
    plain_result = decide_plain(decision, scores, rivals, (123, 217), ids).int()
    compiled = decide_cpu(decision, scores, rivals, (123, 217), ids).int()
    assert (plain_result[0] == compiled[0]).float().mean() > 0.9999  # a tie may fall either way
    assert (plain_result[1] - compiled[1]).abs().max() <= 1 or (plain_result[0] != compiled[0]).any()
