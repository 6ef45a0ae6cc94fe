# SPDX-License-Identifier: Apache-2.0
"""From parameters to a segmenter: when the text encoder is in memory, and what the self-check does."""

import numpy as np
import pytest
from wrong_kernel import WRONG_PAMR

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.inference import scoring
from talk2dino_ros.engine.inference.pamr import pamr_paths
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.selfcheck import check_cache, self_check
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.segmenter.model_loading import load, self_checked, warm_up
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters


@pytest.mark.parametrize(
    ("choice", "with_file", "is_there"),
    [("auto", False, True), ("keep", False, True), ("free", False, False), ("auto", True, False), ("keep", True, True)],
)
def test_a_text_encoder_that_stays_is_there_before_the_first_new_word(choice, with_file, is_there, tmp_path):
    path = tmp_path / "words.npz" if with_file else ""
    if with_file:
        load_segmenter("mini", device="cpu", backend="torch").encode_vocabulary(["cup"]).save(path)
    parameters = Parameters(
        model="mini", device="cpu", backend="torch", input_size=64, text_encoder=choice, vocabulary_file=str(path)
    )
    segmenter = load(parameters)
    words = Vocabulary.from_embeddings(["cup"], np.ones((1, segmenter.model.embedding_size)))
    warm_up(segmenter, words)
    assert segmenter.networks.text.is_loaded == is_there


def test_the_warm_up_refines_only_where_that_is_asked_for(monkeypatch):
    segmenter = load_segmenter("mini", device="cpu", backend="torch")
    vocabulary = segmenter.encode_vocabulary(["cup"])
    refined = []
    monkeypatch.setattr(scoring, "pamr", lambda rgb, scores: refined.append(rgb.shape) or scores)
    warm_up(segmenter.with_options(refine="none"), vocabulary)
    assert not refined
    warm_up(segmenter.with_options(refine="pamr"), vocabulary)
    assert len(refined) == 1


def test_the_text_encoder_is_loaded_when_the_first_image_needs_no_memory_of_its_own_any_more(monkeypatch):
    """What OpenVINO has converted is read for it, which takes as much for a moment as it takes later."""
    segmenter = load_segmenter("mini", device="cpu", backend="torch", input_size=64)
    vocabulary = segmenter.encode_vocabulary(["cup"])
    steps, segment = [], Segmenter.segment
    monkeypatch.setattr(Segmenter, "segment", lambda *given: (segment(*given), steps.append("image"))[0])
    monkeypatch.setattr(Segmenter, "prepare_refinement", lambda self: steps.append("refinement"))
    monkeypatch.setattr(Segmenter, "load_text_encoder", lambda self: steps.append("text encoder"))
    warm_up(segmenter, vocabulary)
    assert (sorted(steps[:2]), steps[2:]) == (["image", "refinement"], ["text encoder"])


def test_a_text_encoder_that_cannot_be_loaded_ends_the_start(monkeypatch):
    def refuse(self):
        raise WeightsError("the text encoder's file is damaged")

    segmenter = load_segmenter("mini", device="cpu", backend="torch", input_size=64)
    vocabulary = segmenter.encode_vocabulary(["cup"])
    monkeypatch.setattr(Segmenter, "load_text_encoder", refuse)
    with pytest.raises(WeightsError, match="file is damaged"):
        warm_up(segmenter, vocabulary)


@pytest.mark.parametrize("is_required", [False, True])
def test_a_difference_from_plain_pytorch_warns_or_ends_the_start_as_the_parameters_say(
    monkeypatch, tmp_path, is_required
):
    monkeypatch.setattr(check_cache, "standard_folder", lambda: tmp_path)
    monkeypatch.setattr(self_check, "CPU_PATCHES", 4)
    monkeypatch.setattr(pamr_paths, "_path", lambda device: WRONG_PAMR)
    parameters = Parameters(model="mini", device="cpu", require_fast_path=is_required)
    segmenter, warnings = load_segmenter("mini", device="cpu", backend="torch"), []
    if is_required:
        with pytest.raises(ModelError, match=r"PAMR: at most .* apart, expected 0\.002"):
            self_checked(segmenter, parameters, warnings.append)
    else:
        checked, check = self_checked(segmenter, parameters, warnings.append)
        assert checked.options.plain_stages == ("pamr",)
        assert check.line.startswith("PAMR: ")
        assert [text.partition(" on ")[0] for text in warnings] == ["the fast path differs from plain fp32 PyTorch"]
