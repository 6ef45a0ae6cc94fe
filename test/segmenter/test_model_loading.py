# SPDX-License-Identifier: Apache-2.0
"""From parameters to a segmenter: when the text encoder is in memory."""

import pytest

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.inference import scoring
from talk2dino_ros.segmenter.model_loading import load, warm_up
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters


@pytest.mark.parametrize(
    ("choice", "with_file", "is_there"),
    [("auto", False, True), ("keep", False, True), ("free", False, False), ("auto", True, False), ("keep", True, True)],
)
def test_a_text_encoder_that_stays_is_there_before_the_first_new_word(choice, with_file, is_there, tmp_path):
    path = tmp_path / "words.npz" if with_file else ""
    if with_file:
        load_segmenter("mini", device="cpu").encode_vocabulary(["cup"]).save(path)
    parameters = Parameters(model="mini", device="cpu", text_encoder=choice, vocabulary_file=str(path))
    assert load(parameters).networks.text.is_loaded == is_there


def test_the_warm_up_refines_only_where_that_is_asked_for(monkeypatch):
    segmenter = load_segmenter("mini", device="cpu")
    vocabulary = segmenter.encode_vocabulary(["cup"])
    refined = []
    monkeypatch.setattr(scoring, "pamr", lambda rgb, scores: refined.append(rgb.shape) or scores)
    warm_up(segmenter.with_options(refine="none"), vocabulary)
    assert not refined
    warm_up(segmenter.with_options(refine="pamr"), vocabulary)
    assert len(refined) == 1
