# SPDX-License-Identifier: Apache-2.0
"""Thresholds of single classes from pixels to labels, whatever the options are: each takes from its own class alone."""

import numpy as np
import pytest
from tiny_segmenter import WORDS, make_segmenter, seeded_image, stretched, vocabulary

from talk2dino_ros.engine import Talk2DinoError
from talk2dino_ros.engine.inference import scoring
from talk2dino_ros.engine.vocabulary import Vocabulary

YELLOW = [0.7, 0.7, 0.0]
VECTORS = [*np.eye(3), YELLOW]
OPTIONS = {
    "plain": {},
    "background": {"background": 0.64},
    "pamr": {"refine": "pamr"},
    "pamr and background": {"refine": "pamr", "background": 0.64},
    "cleaning": {"background_cleaning": True, "refine": "pamr"},
    "windows, pamr": {"input": "slide", "refine": "pamr"},
}


def picture():
    """Stripes that are red, orange, green and blue, with noise: uint8 [20, 28, 3]."""
    stripes = np.array([[220, 30, 20], [230, 110, 40], [20, 200, 60], [30, 20, 210]], np.uint8).repeat(7, axis=0)
    return seeded_image(20, 28) // 6 + stripes // 2


def words(thresholds):
    texts = [f"{name} >= {own}" if own else name for name, own in zip([*WORDS, "yellow"], thresholds, strict=True)]
    return vocabulary(texts, VECTORS)


def drawn(seed, low=0.58, high=0.72):
    numbers = np.random.default_rng(seed)
    return [round(float(each), 4) if numbers.random() < 0.7 else None for each in numbers.uniform(low, high, 4)]


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_those_of_the_best_class_where_it_reaches_its_own_threshold(seed):
    image, segmenter, own = picture(), make_segmenter(background=0.6), drawn(seed)
    seen = segmenter.segment(image, words(own), return_scores=True)
    scores = stretched(1 / (1 + np.exp(-seen.scores)), 20, 28)
    expected = np.full((20, 28), 255)
    for y, x in np.ndindex(20, 28):
        best = max(range(4), key=lambda number: scores[number, y, x])
        if scores[best, y, x] > (own[best] or 0.6):
            expected[y, x] = best + 1
    np.testing.assert_array_equal(seen.class_ids, expected)
    assert len(np.unique(expected)) > 2


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_no_pixel_changes_to_another_class_and_pruning_changes_none(options, monkeypatch):
    image, segmenter = picture(), make_segmenter(**options)
    free = segmenter.with_options(background=None).segment(image, words([None] * 4)).class_ids
    taken, found = 0, []
    for seed in range(6):
        seen = segmenter.segment(image, words(drawn(seed)))
        assert set(np.unique(seen.class_ids[seen.class_ids != free])) <= {255}
        assert ((seen.confidence == 0) == (seen.class_ids == 255)).all()
        taken += (seen.class_ids == 255).sum()
        found.append(seen.class_ids)
    assert 0 < taken < 6 * 20 * 28
    monkeypatch.setattr(scoring, "contenders", lambda scores, _: np.ones(len(scores[0]), bool))
    for seed, pruned in enumerate(found):
        np.testing.assert_array_equal(segmenter.segment(image, words(drawn(seed))).class_ids, pruned)


def test_a_question_has_a_threshold_of_its_own():
    image, segmenter = picture(), make_segmenter(background=0.6)
    answers = [
        segmenter.segment(image, vocabulary([*WORDS, text], VECTORS)).answers[4] > 0
        for text in ("?yellow >= 0.3", "?yellow >= 0.7", "?yellow >= 0.731")
    ]
    assert answers[0].sum() > answers[1].sum() > answers[2].sum() == 0
    assert (answers[0] | ~answers[1]).all()


def test_thresholds_go_with_ids_and_files_and_encode_nothing(tmp_path):
    segmenter = make_segmenter()
    encoded = segmenter.encode_vocabulary(["r >= 0.6: red", "g", "?b >= 0.5"])
    assert encoded.thresholds() == {1: 0.6, 3: 0.5}
    encoded.save(tmp_path / "words.safetensors")
    loaded = Vocabulary.load(tmp_path / "words.safetensors")
    assert (loaded.classes, loaded.thresholds()) == (encoded.classes, {1: 0.6, 3: 0.5})
    segmenter.networks.text.encode = None  # what needs it fails
    again = segmenter.encode_vocabulary(["r: red", "g >= 0.7", "?b"], encoded)
    assert again.scores_as(encoded)
    assert again.thresholds() == {2: 0.7}


def test_shares_of_the_classes_have_no_threshold():
    segmenter = make_segmenter(input="slide", window_scores="softmax")
    with pytest.raises(Talk2DinoError, match="1 class has a threshold with window_scores 'softmax'"):
        segmenter.segment(picture(), words([0.6, None, None, None]))
