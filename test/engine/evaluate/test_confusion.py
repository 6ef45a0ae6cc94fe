# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

from talk2dino_ros.engine.evaluate.confusion import IGNORED, Confusion


def confusion_of(truth, predicted, classes):
    confusion = Confusion.empty(classes)
    confusion.add(np.array(truth, np.int16), np.array(predicted, np.int64))
    return confusion


def test_the_matrix_of_six_pixels_is_the_one_made_by_hand():
    # class 0: one right, one taken for 1. class 1: two right, one taken for no class. One pixel is ignored.
    confusion = confusion_of([[0, 0, 1], [1, 1, IGNORED]], [[0, 1, 1], [1, 3, 2]], classes=3)
    assert confusion.counts.tolist() == [[1, 1, 0, 0], [0, 2, 0, 1], [0, 0, 0, 0]]


def test_iou_and_accuracies_are_those_made_by_hand():
    figures = confusion_of([[0, 0, 1], [1, 1, IGNORED]], [[0, 1, 1], [1, 3, 2]], classes=3).figures()
    # 0: 1 / (2 + 1 - 1); 1: 2 / (3 + 3 - 2); 2 is in neither, so it is in no mean
    np.testing.assert_allclose(figures.iou, [1 / 2, 2 / 4, np.nan])
    np.testing.assert_allclose(figures.accuracy, [1 / 2, 2 / 3, np.nan])
    assert figures.mean_iou == 0.5
    assert figures.mean_accuracy == pytest.approx(7 / 12)
    assert figures.pixel_accuracy == 3 / 5


def test_a_class_that_is_only_predicted_counts_with_an_iou_of_zero():
    figures = confusion_of([[0, 0]], [[0, 1]], classes=2).figures()
    assert figures.iou.tolist() == [0.5, 0.0]
    assert figures.mean_iou == 0.25
    assert math.isnan(figures.accuracy[1])
    assert figures.mean_accuracy == 0.5


def test_the_mean_is_over_the_data_set_and_not_over_images():
    confusion = Confusion.empty(2)
    confusion.add(np.zeros((1, 9), np.int16), np.zeros((1, 9), np.int64))
    own = confusion.add(np.array([[0, 1]], np.int16), np.array([[1, 1]], np.int64))
    # of the set: 9 / 10 and 1 / 2; the mean of the two images would be (1 + 0.25) / 2
    assert confusion.figures().mean_iou == pytest.approx((9 / 10 + 1 / 2) / 2)
    assert own.figures().mean_iou == 0.25


def test_nothing_scored_has_no_figure():
    figures = confusion_of([[IGNORED]], [[0]], classes=2).figures()
    assert math.isnan(figures.mean_iou)
    assert math.isnan(figures.pixel_accuracy)


def slow_iou(pairs, classes):
    """Pixel by pixel with sets of places, sharing nothing with the matrix."""
    truth = [
        {(i, y, x) for i, (t, _) in enumerate(pairs) for (y, x), v in np.ndenumerate(t) if v == c} for c in classes
    ]
    scored = {(i, y, x) for i, (t, _) in enumerate(pairs) for (y, x), v in np.ndenumerate(t) if v != IGNORED}
    seen = [{(i, y, x) for i, (_, p) in enumerate(pairs) for (y, x), v in np.ndenumerate(p) if v == c} for c in classes]
    ious = []
    for own, predicted in zip(truth, seen, strict=True):
        union = own | (predicted & scored)
        ious.append(len(own & predicted) / len(union) if union else math.nan)
    return ious


def random_images(seed):
    random = np.random.default_rng(seed)
    sizes = ((5, 7), (1, 9), (8, 3))
    return [(random.integers(-1, 6, size).astype(np.int16), random.integers(0, 8, size)) for size in sizes]


@pytest.mark.parametrize("seed", range(5))
def test_random_images_give_what_counting_pixel_by_pixel_gives(seed):
    pairs = random_images(seed)
    confusion = Confusion.empty(7)
    for truth, predicted in pairs:
        confusion.add(truth, predicted)
    np.testing.assert_allclose(confusion.figures().iou, slow_iou(pairs, range(7)), rtol=0, atol=0)


@pytest.mark.parametrize("seed", range(5))
def test_random_images_give_what_torchmetrics_gives(seed):
    # its eighth class is "no class", which no label has; of the seventh, which no label has either, IoU is 0
    arguments = {"num_classes": 8, "average": None, "ignore_index": IGNORED}
    jaccard, recall = MulticlassJaccardIndex(**arguments), MulticlassAccuracy(**arguments)
    confusion = Confusion.empty(7)
    for truth, predicted in random_images(seed):
        confusion.add(truth, predicted)
        for metric in (jaccard, recall):
            metric.update(torch.from_numpy(predicted)[None], torch.from_numpy(truth.astype(np.int64))[None])
    figures = confusion.figures()
    np.testing.assert_allclose(figures.iou, jaccard.compute().numpy()[:7], rtol=1e-6)
    np.testing.assert_allclose(figures.accuracy[:6], recall.compute().numpy()[:6], rtol=1e-6)
    assert figures.mean_iou == pytest.approx(float(jaccard.compute()[:7].mean()), rel=1e-6)


def test_counts_stay_exact_where_a_float_would_not():
    confusion = Confusion(np.array([[2**53, 0, 0], [0, 0, 0]], np.int64))
    confusion.add(np.zeros((1, 1), np.int16), np.zeros((1, 1), np.int64))
    assert confusion.counts[0, 0] == 2**53 + 1
