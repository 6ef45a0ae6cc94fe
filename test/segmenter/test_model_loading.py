# SPDX-License-Identifier: Apache-2.0
"""From parameters to a segmenter: when the text encoder is in memory, and what the self-check does."""

import os
import subprocess
import sys

import pytest
from wrong_kernel import WRONG_PAMR

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.inference import scoring
from talk2dino_ros.engine.inference.pamr import pamr_paths
from talk2dino_ros.engine.selfcheck import check_cache, self_check
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
    parameters = Parameters(model="mini", device="cpu", text_encoder=choice, vocabulary_file=str(path))
    assert load(parameters).networks.text.is_loaded == is_there


def test_the_warm_up_refines_only_where_that_is_asked_for(monkeypatch):
    segmenter = load_segmenter("mini", device="cpu", backend="torch")
    vocabulary = segmenter.encode_vocabulary(["cup"])
    refined = []
    monkeypatch.setattr(scoring, "pamr", lambda rgb, scores: refined.append(rgb.shape) or scores)
    warm_up(segmenter.with_options(refine="none"), vocabulary)
    assert not refined
    warm_up(segmenter.with_options(refine="pamr"), vocabulary)
    assert len(refined) == 1


# A start as the node's, and which of the packages that take seconds to import it has taken.
START = """
import sys
from talk2dino_ros.segmenter.model_loading import load, self_checked, warm_up
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters

parameters = Parameters(model="mini", device="cpu", input_size=64)
segmenter, _ = self_checked(load(parameters), parameters, print)
warm_up(segmenter, segmenter.encode_vocabulary(["cup", "a word that no cache knows"]))
print(segmenter.networks.backend)
print(*sorted({"open_clip", "timm", "torch._dynamo", "torchvision", "transformers"} & sys.modules.keys()))
"""


def test_a_start_after_the_first_imports_nothing_that_reads_weights_of_images(tmp_path):
    pytest.importorskip("openvino", reason="pip install -r tools/requirements/engine.txt is missing")
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", START]
    first, second = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
        for _ in range(2)
    )
    assert first[0] == "openvino"
    assert "timm" in first[1]  # with which the weights are read, once
    assert second == ["openvino", ""]


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
