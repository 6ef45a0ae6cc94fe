# SPDX-License-Identifier: Apache-2.0
"""A peak is where a class leaves the image as its threshold is raised: tried out with `segment`."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_segmenter import WORDS, make_segmenter, seeded_image, vocabulary

from talk2dino_ros.engine.inference.class_peaks import class_peaks

PINK, YELLOW = [1.0, -0.6, 0.9], [0.7, 0.7, 0.0]
OPTIONS = {
    "plain": {},
    "background": {"background": 0.7},
    "pamr": {"refine": "pamr"},
    "cleaning": {"background_cleaning": True, "refine": "pamr"},
    "windows": {"input": "slide", "unlabeled_id": 0},
}
WORDS_AND_MORE = vocabulary([*WORDS, "!pink", "?yellow", "never: red"], [*np.eye(3), PINK, YELLOW, [-1, -1, -1]])


def picture():
    stripes = np.array([[220, 30, 20], [230, 110, 40], [20, 200, 60], [30, 20, 210]], np.uint8).repeat(7, axis=0)
    return seeded_image(20, 28) // 6 + stripes // 2


def pixels_with(segmenter, number, threshold):
    """How many pixels a class has where it alone has a threshold."""
    classes = list(WORDS_AND_MORE.classes)
    classes[number] = replace(classes[number], threshold=threshold)
    seen = segmenter.segment(picture(), WORDS_AND_MORE.with_classes(classes))
    class_id = WORDS_AND_MORE.ids[number]
    return ((seen.answers[class_id] > 0) if classes[number].question else (seen.class_ids == class_id)).sum()


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_at_its_peak_a_class_has_the_share_and_above_it_less(options):
    segmenter, share = make_segmenter(**options), 0.05
    raised = WORDS_AND_MORE.with_classes([replace(each, threshold=0.7) for each in WORDS_AND_MORE.classes])
    peaks = class_peaks(segmenter, picture(), WORDS_AND_MORE, share)
    np.testing.assert_array_equal(class_peaks(segmenter, picture(), raised, share), peaks)
    assert np.isnan(peaks[3])
    assert peaks[5] == 0  # it is nowhere the best
    for number in (0, 1, 2, 4):
        assert 0.5 < peaks[number] < 0.731
        assert pixels_with(segmenter, number, peaks[number] - 1e-6) >= share * 20 * 28
        assert pixels_with(segmenter, number, peaks[number] + 1e-6) < share * 20 * 28
