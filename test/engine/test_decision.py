# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from talk2dino_ros.engine import decision
from talk2dino_ros.engine.decision import decide

SETTINGS = {"background": None, "logit_scale": 14.0, "unlabeled_id": 255}


def run(scores, size, *, align_corners=True, ids=None, labelled=None, **settings):
    count = len(scores)
    return decide(
        scores,
        size,
        torch.tensor(ids or list(range(1, count + 1)), dtype=torch.uint8),
        align_corners=align_corners,
        labelled=torch.tensor(labelled or [True] * count),
        **{**SETTINGS, **settings},
    )


def seeded(*shape):
    return torch.sigmoid(torch.randn(*shape, generator=torch.Generator().manual_seed(7)) * 0.3)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("size", [(45, 61), (3, 2), (6, 7)])
def test_classes_and_confidence_equal_a_whole_image_computation(align_corners, size):
    scores = seeded(5, 6, 7)
    large = F.interpolate(scores[None], size, mode="bilinear", align_corners=align_corners)[0].double().numpy()
    powers = np.exp(14.0 * np.log(large / (1 - large)))
    probability = powers.max(axis=0) / powers.sum(axis=0)
    class_ids, confidence = run(scores, size, align_corners=align_corners)
    np.testing.assert_array_equal(class_ids.numpy(), large.argmax(axis=0) + 1)
    np.testing.assert_allclose(confidence.numpy(), probability * 255, atol=0.6)


@pytest.mark.parametrize("align_corners", [True, False])
def test_strips_give_what_one_strip_gives(monkeypatch, align_corners):
    scores = seeded(4, 5, 9)
    whole = run(scores, (50, 70), align_corners=align_corners, background=0.5)
    monkeypatch.setitem(decision.STRIP_VALUES, "cpu", 4 * 70 * 3)
    strips = run(scores, (50, 70), align_corners=align_corners, background=0.5)
    assert torch.equal(whole[0], strips[0])
    assert torch.equal(whole[1], strips[1])


def test_the_background_wins_where_no_class_is_above_it_and_wins_ties():
    scores = torch.tensor([[[0.60, 0.55, 0.50]], [[0.40, 0.40, 0.54]]])
    class_ids, confidence = run(scores, (1, 3), background=0.55)
    assert class_ids.tolist() == [[1, 255, 255]]
    assert confidence[0, 0] > 0
    assert confidence[0, 1:].tolist() == [0, 0]


def test_the_confidence_counts_the_background_as_a_competitor():
    # one class, cosine 0.3, against a background at cosine 0.2, scale 10: softmax(3, 2) = 1 / (1 + e^-1)
    scores = torch.sigmoid(torch.full((1, 1, 1), 0.3))
    background = float(torch.sigmoid(torch.tensor(0.2)))
    _, confidence = run(scores, (1, 1), background=background, logit_scale=10.0)
    assert confidence.item() == round(255 / (1 + np.exp(-1)))


def test_one_class_without_a_background_has_no_competitor():
    class_ids, confidence = run(torch.full((1, 2, 2), 0.4), (2, 2))
    assert class_ids.unique().tolist() == [1]
    assert confidence.unique().tolist() == [255]


def test_a_distractor_wins_pixels_and_is_published_as_unlabeled():
    scores = torch.tensor([[[0.7, 0.3]], [[0.3, 0.7]]])
    class_ids, confidence = run(scores, (1, 2), ids=[4, 255], labelled=[True, False], unlabeled_id=0)
    assert class_ids.tolist() == [[4, 0]]
    assert confidence[0, 0] > 200
    assert confidence[0, 1] == 0
