# SPDX-License-Identifier: Apache-2.0
"""All paths against NumPy and F.interpolate on the whole image."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from talk2dino_ros.engine.inference.decision import Decision, ScoreMap, decision_plain
from talk2dino_ros.engine.inference.decision.decision_batch import decide
from talk2dino_ros.engine.inference.decision.decision_cpu import decide_cpu
from talk2dino_ros.engine.inference.decision.decision_plain import decide_plain
from talk2dino_ros.engine.inference.decision.decision_table import DecisionTable

SETTINGS = {"background": None, "logit_scale": 14.0, "unlabeled_id": 255}
KINDS = {"label": 5, "distractor": 255}


def decide_by_table(decision, scores, _rivals, size):
    table = DecisionTable.of([(decision, dict(enumerate(scores.ids)))], len(scores.ids) + 2, "cpu")
    padding = torch.full((2, *scores.values.shape[1:]), torch.nan)
    values = torch.cat([scores.values, padding])[None]
    return decide(values, size, table, align_corners=scores.align_corners)[:, 0, 0]


PATHS = {"plain": decide_plain, "cpu": decide_cpu, "table": decide_by_table}


def runner(path):
    def run(scores, size, *, align_corners=True, rivals=None, ids=None, **settings):
        decision = Decision(**{**SETTINGS, **settings})
        return PATHS[path](decision, score_map(scores, ids, align_corners), rivals, size)

    return run


@pytest.fixture(params=PATHS)
def run(request):
    return runner(request.param)


@pytest.fixture(params=["plain", "cpu"])
def run_with_rivals(request):
    return runner(request.param)


def score_map(scores, ids=None, align_corners=True):
    return ScoreMap(scores, align_corners, tuple(ids or range(1, len(scores) + 1)))


def seeded(*shape):
    return torch.sigmoid(torch.rand(*shape, generator=torch.Generator().manual_seed(7)) * 2 - 1)


def logits_at(size, scores, align_corners):
    if scores is None:
        return np.zeros((0, *size))
    large = F.interpolate(scores[None], size, mode="bilinear", align_corners=align_corners)[0].double().numpy()
    return np.log(large / (1 - large))


def oracle(scores, size, align_corners, *, ids, background, rivals=None, unlabeled=255, thresholds=None):
    """Class ids and confidence (0..255, float64) as the words say them, of the whole image at once."""
    scores, extra = (logits_at(size, each, align_corners) for each in (scores, rivals))
    ids = np.array(ids)
    own = [(thresholds or {}).get(class_id, background) for class_id in ids[ids != unlabeled]]
    floors = np.array([np.log(each / (1 - each)) if each else -np.inf for each in own])
    threshold = floors[scores[ids != unlabeled].argmax(axis=0)][None]
    nothing = np.concatenate([threshold, scores[ids == unlabeled]]).max(axis=0)
    labelled = np.sort(scores[ids != unlabeled], axis=0)[::-1]
    others = np.concatenate([nothing[None], labelled[1:], extra]).max(axis=0)
    is_seen = labelled[0] > nothing
    winner = ids[ids != unlabeled][scores[ids != unlabeled].argmax(axis=0)]
    probability = 1 / (1 + np.exp(-14.0 * (labelled[0] - others)))
    return np.where(is_seen, winner, unlabeled), np.where(is_seen, np.maximum(probability * 255, 1), 0)


@pytest.mark.parametrize("ids", [[1, 2, 3, 4, 5], [1, 255, 3, 255, 5], [255, 255, 7, 255, 255]])
@pytest.mark.parametrize("background", [None, 0.55])
@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("size", [(45, 61), (3, 2), (6, 7), (2, 1), (1, 2)])
def test_classes_and_confidence_equal_a_whole_image_computation(run, align_corners, size, background, ids):
    scores = seeded(5, 6, 7)
    expected, probability = oracle(scores, size, align_corners, ids=ids, background=background)
    class_ids, confidence = run(scores, size, align_corners=align_corners, ids=ids, background=background)
    np.testing.assert_array_equal(class_ids.numpy(), expected)
    np.testing.assert_allclose(confidence.numpy(), probability, atol=0.6)


@pytest.mark.parametrize("seed", range(6))
def test_thresholds_of_single_classes_equal_a_whole_image_computation(run, seed):
    """Of the winner alone, and in place of the background: higher ones, lower ones, some that nothing reaches."""
    drawn = np.random.default_rng(seed)
    scores = torch.sigmoid(torch.tensor(drawn.uniform(-1, 1, (6, 5, 7)), dtype=torch.float32))
    ids = [255 if number == seed else number + 10 for number in range(6)]
    thresholds = {each: drawn.uniform(0.4, 0.75) for each in (10, 12, 13, 15)}
    given = {"ids": ids, "background": [None, 0.55][seed % 2], "thresholds": thresholds}
    expected, probability = oracle(scores, (23, 31), seed > 2, **given)
    class_ids, confidence = run(scores, (23, 31), align_corners=seed > 2, **given)
    np.testing.assert_array_equal(class_ids.numpy(), expected)
    np.testing.assert_allclose(confidence.numpy(), probability, atol=0.6)
    without, _ = oracle(scores, (23, 31), seed > 2, **given | {"thresholds": None})
    assert (without != expected).any()


def test_a_threshold_counts_of_the_best_class_alone_and_is_reached_where_it_is_equalled(run):
    scores = torch.tensor([0.60, 0.58])[:, None, None]
    cases = {0.59: 1, 0.60: 1, 0.61: 255}  # the second best is above its own, and gets nothing
    for threshold, expected in cases.items():
        class_ids, _ = run(scores, (1, 1), thresholds={1: threshold, 2: 0.5}, background=0.7)
        assert class_ids.item() == expected


def test_a_class_is_weighed_against_its_own_threshold(run):
    """At 0.2 logits above it, at the scale of 14: 1 / (1 + exp(-2.8)) = 0.943, whatever the background is."""
    score, threshold = torch.sigmoid(torch.tensor(0.4)).view(1, 1, 1), torch.sigmoid(torch.tensor(0.2)).item()
    for background in (None, 0.1, 0.7):
        class_ids, confidence = run(score, (1, 1), thresholds={1: threshold}, background=background)
        assert (class_ids.item(), confidence.item()) == (1, 240)


def test_rivals_change_the_confidence_and_not_the_labels(run_with_rivals):
    scores, rivals, ids = seeded(3, 6, 7), seeded(4, 6, 7) * 0.98, [1, 2, 255]
    expected, probability = oracle(scores, (20, 30), True, ids=ids, background=0.5, rivals=rivals)
    theirs = score_map(rivals, [5, 255, 6, 255])
    class_ids, confidence = run_with_rivals(scores, (20, 30), ids=ids, background=0.5, rivals=theirs)
    np.testing.assert_array_equal(class_ids.numpy(), expected)
    np.testing.assert_allclose(confidence.numpy(), probability, atol=0.6)


def test_a_hundred_classes_below_the_background_change_nothing(run):
    scores, others = seeded(3, 9, 9), 0.54 * seeded(100, 9, 9) / 0.75
    assert others.max() < 0.55 < scores.max()
    few = run(scores, (40, 50), background=0.55)
    many = run(torch.cat([scores, others]), (40, 50), background=0.55)
    assert torch.equal(few, many)
    assert len(few[0].unique()) == 4  # three classes, and the background


@pytest.mark.parametrize("count", [1, 4, 16])
def test_without_a_background_classes_below_the_second_best_change_nothing(run, count):
    scores = torch.sigmoid(torch.tensor([0.30, 0.25, *[0.24] * count]))[:, None, None]
    _, confidence = run(scores, (1, 1))
    assert confidence.item() == round(255 / (1 + np.exp(-14.0 * 0.05)))  # of two: 171


@pytest.mark.parametrize("align_corners", [True, False])
def test_deciding_in_strips_equals_deciding_at_once(monkeypatch, align_corners):
    decision, ids = Decision(0.5, 14.0, 255), [1, 255, 3, 4]
    scores, rivals = score_map(seeded(4, 5, 9), ids, align_corners), score_map(seeded(2, 3, 4), [5, 255])
    whole = decide_plain(decision, scores, rivals, (50, 70))
    held = []

    def watched(decision, ids, floors, *fields):
        held.append(sum(field.numel() for field in fields))
        return decide_strip(decision, ids, floors, *fields)

    decide_strip = decision_plain._decide_strip
    monkeypatch.setattr(decision_plain, "_decide_strip", watched)
    monkeypatch.setattr(decision_plain, "STRIP_VALUES", 6 * 70 * 3)
    assert torch.equal(decide_plain(decision, scores, rivals, (50, 70)), whole)
    assert max(held) == 6 * 70 * 3  # of all six classes, and never more


def test_on_a_cpu_the_compiled_path_decides(monkeypatch):
    decision, scores = Decision(0.5, 14.0, 255), score_map(seeded(2, 5, 9))
    monkeypatch.delattr(decision_plain, "decide_plain")
    assert torch.equal(decision(scores, None, (20, 30)), decide_cpu(decision, scores, None, (20, 30)))


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


def test_a_distractor_wins_ties_wherever_it_stands(run):
    for ids in ([255, 4], [4, 255]):
        class_ids, confidence = run(torch.full((2, 1, 1), 0.6), (1, 1), ids=ids)
        assert (class_ids.item(), confidence.item()) == (255, 0)


def test_a_vocabulary_of_distractors_alone_labels_nothing(run):
    class_ids, confidence = run(seeded(2, 3, 3), (3, 3), ids=[255, 255])
    assert class_ids.unique().tolist() == [255]
    assert confidence.unique().tolist() == [0]


def test_the_unlabeled_id_and_confidence_can_be_set(run):
    # cosines of a class and of a distractor, against a background at 0.2 and scale 10
    cosines = torch.tensor([[[0.3, 0.1, 0.1, -0.1]], [[0.0, 0.0, 0.4, 0.0]]])
    background = float(torch.sigmoid(torch.tensor(0.2)))
    options = {"ids": [4, 255], "background": background, "logit_scale": 10.0, "background_id": 9}
    class_ids, confidence = run(torch.sigmoid(cosines), (1, 4), **options)
    assert class_ids.tolist() == [[4, 9, 9, 9]]
    # 0.3 against 0.2; 0.2 against 0.1; 0.4 (the distractor) against 0.1; 0.2 against -0.1
    expected = [255 / (1 + np.exp(-10 * lead)) for lead in (0.1, 0.1, 0.3, 0.3)]
    np.testing.assert_allclose(confidence[0].numpy(), expected, atol=0.6)


def test_the_confidence_of_a_background_pixel_counts_rival_labels_and_no_rival_distractors(run_with_rivals):
    scores = torch.sigmoid(torch.tensor([0.1, 0.3]))[:, None, None]
    rivals = {name: score_map(torch.sigmoid(torch.full((1, 1, 1), 0.25)), [each]) for name, each in KINDS.items()}
    options = {"ids": [4, 255], "logit_scale": 10.0, "background_id": 9}
    confidence = {
        name: run_with_rivals(scores, (1, 1), rivals=rival, **options)[1].item() for name, rival in rivals.items()
    }
    assert confidence["distractor"] == round(255 / (1 + np.exp(-10 * 0.2)))
    assert confidence["label"] == round(255 / (1 + np.exp(-10 * 0.05)))


def test_a_background_id_changes_background_pixels_only(run):
    scores, ids = seeded(5, 6, 7), [1, 255, 3, 255, 5]
    before = run(scores, (45, 61), ids=ids, background=0.55)
    after = run(scores, (45, 61), ids=ids, background=0.55, background_id=9)
    is_labelled = before[0] != 255
    assert torch.equal(after[:, is_labelled], before[:, is_labelled])
    assert (after[0][~is_labelled] == 9).all()
    assert (after[1][~is_labelled] >= 127).all()


def test_of_two_equal_classes_the_first_wins(run):
    class_ids, _ = run(torch.full((3, 2, 2), 0.6), (4, 4))
    assert class_ids.unique().tolist() == [1]


def test_rivals_lower_the_confidence_and_win_nothing(run_with_rivals):
    # one class at cosine 0.3, a rival at 0.2, scale 10: softmax(3, 2)
    scores = torch.sigmoid(torch.full((1, 1, 1), 0.3))
    rival = score_map(torch.sigmoid(torch.full((1, 2, 2), 0.2)))
    class_ids, confidence = run_with_rivals(scores, (1, 1), rivals=rival, logit_scale=10.0)
    assert class_ids.item() == 1
    assert confidence.item() == round(255 / (1 + np.exp(-1)))


def test_a_rival_above_the_winner_wins_nothing_either(run_with_rivals):
    # refining may lower the winner below what a rival had before it: softmax(2, 3)
    scores = torch.sigmoid(torch.full((1, 1, 1), 0.2))
    rival = score_map(torch.sigmoid(torch.full((1, 1, 1), 0.3)))
    class_ids, confidence = run_with_rivals(scores, (1, 1), rivals=rival, logit_scale=10.0)
    assert class_ids.item() == 1
    assert confidence.item() == round(255 / (1 + np.e))


@pytest.mark.parametrize("background", [None, 0.0])
def test_extreme_cosines_and_a_low_temperature_stay_finite(run, background):
    scores = torch.sigmoid(torch.tensor([[[1.0, -1.0]], [[-1.0, -1.0]]]))
    class_ids, confidence = run(scores, (1, 2), logit_scale=100.0, background=background)
    assert class_ids[0, 0].item() == 1
    assert confidence[0, 0].item() == 255
    assert confidence[0, 1].item() in (127, 128)  # two classes alike: 127.5


def test_a_winners_confidence_is_never_0_which_means_unlabeled(run_with_rivals):
    rival = score_map(torch.sigmoid(torch.full((1, 1, 1), 0.9)))
    class_ids, confidence = run_with_rivals(torch.sigmoid(torch.full((1, 1, 1), -0.9)), (1, 1), rivals=rival)
    assert (class_ids.item(), confidence.item()) == (1, 1)


def test_the_compiled_and_the_plain_path_agree_on_a_large_image():
    decision, ids = Decision(0.5, 14.0, 255), [255 if number % 5 == 0 else number for number in range(1, 31)]
    scores, rivals = score_map(seeded(30, 32, 32), ids), score_map(seeded(7, 20, 24), None, False)
    plain_result = decide_plain(decision, scores, rivals, (123, 217)).int()
    compiled = decide_cpu(decision, scores, rivals, (123, 217)).int()
    is_same = plain_result[0] == compiled[0]
    assert is_same.float().mean() > 0.9999  # a tie may fall either way
    assert (plain_result[1] - compiled[1])[is_same].abs().max() <= 1
