# SPDX-License-Identifier: Apache-2.0
"""A fast path that computes something else is found, named and done without."""

import logging
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from wrong_kernel import WRONG_PAMR

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.inference import scoring
from talk2dino_ros.engine.inference.decision import decision_cpu
from talk2dino_ros.engine.inference.pamr import pamr_paths
from talk2dino_ros.engine.models.mini import MiniImageEncoder
from talk2dino_ros.engine.models.vit import ImageFeatures
from talk2dino_ros.engine.openvino import openvino_encoder
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.selfcheck import self_check, stage_comparisons
from talk2dino_ros.engine.selfcheck.classes import classes_of_picture
from talk2dino_ros.engine.selfcheck.seeded_scene import seeded_picture
from talk2dino_ros.engine.selfcheck.self_check import self_checked
from talk2dino_ros.engine.selfcheck.stage_check import STAGES


def load_mini(backend, **options):
    return load_segmenter("mini", device="cpu", backend=backend, text_cache_dir="none", refine="pamr", **options)


@pytest.fixture(scope="module")
def mini():
    """By torch, whose check is small: OpenVINO's is of a stream's whole size."""
    return load_mini("torch")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(self_check, "CPU_PATCHES", 4)


class Wrong:
    """An image encoder some of whose patches are of another image."""

    has_attention = False

    def __init__(self, encoder):
        self._encoder, self.patch_size = encoder, encoder.patch_size

    def __call__(self, images, return_attention=False):
        return ImageFeatures(self._encoder(images).patch_features.roll(3, dims=-1))

    def at_size(self, size):
        return self._encoder.at_size(size)


def break_encoder(monkeypatch, segmenter):
    wrong = Wrong(segmenter.networks.image_encoder)
    return Segmenter(
        segmenter.model, segmenter.networks.with_image_encoder(wrong, torch.float32, ""), segmenter.options
    )


def break_scores(monkeypatch, segmenter):
    right = scoring.patch_cosines
    monkeypatch.setattr(scoring, "patch_cosines", lambda patches, words: right(patches, words).flip(0))
    return segmenter


def break_pamr(monkeypatch, segmenter):
    monkeypatch.setattr(pamr_paths, "_path", lambda device: WRONG_PAMR)
    return segmenter


def break_decision(monkeypatch, segmenter):
    right = decision_cpu.decide_cpu
    monkeypatch.setattr(decision_cpu, "decide_cpu", lambda *args: right(*args).roll(5, dims=2))
    return segmenter


def break_image(monkeypatch, segmenter):
    """A way of whole frames that is wrong though each stage by itself is right."""
    right = Segmenter.segment

    def segment(self, rgb, vocabulary):
        return right(self, rgb if "image" in self.options.plain_stages else rgb[::-1].copy(), vocabulary)

    monkeypatch.setattr(Segmenter, "segment", segment)
    return segmenter


BREAKS = dict(zip(STAGES, (break_encoder, break_scores, break_pamr, break_decision, break_image), strict=True))


def labels_of(segmenter):
    """Labels of a picture with words that its own patches tell apart."""
    picture = seeded_picture((128, 128))
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        features = self_check._plain_encoder(segmenter, None)(pixels).patch_features[0]
    small = segmenter.with_options(input_size=128)
    return small.segment(picture, classes_of_picture(features.numpy(), 5)).class_ids


@pytest.mark.parametrize("backend", ["torch", "auto"])
def test_a_right_path_is_kept_and_checked_once(backend, tmp_path, monkeypatch, caplog):
    mini = load_mini(backend)
    segmenter, check = self_checked(mini, cache_folder=tmp_path)
    assert segmenter is mini
    assert [(each.stage, each.is_equal) for each in check.stages] == [(stage, True) for stage in STAGES]
    assert check.is_new
    assert check.line == "the fast path computes what plain fp32 PyTorch does"
    monkeypatch.setattr(self_check, "_check", None)  # would raise
    again = self_checked(mini.with_options(background=0.6), cache_folder=tmp_path)[1]
    assert (again.stages, again.is_new) == (check.stages, False)
    assert caplog.records == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_is_wrong_is_named_once_and_computed_plainly(mini, tmp_path, monkeypatch, caplog, stage):
    expected = labels_of(mini)
    wrong = BREAKS[stage](monkeypatch, mini)
    assert (labels_of(wrong) != expected).mean() > 0.01
    segmenter, check = self_checked(wrong, cache_folder=tmp_path)
    assert [each.stage for each in check.differing] == [stage]
    name = check.differing[0].name
    assert check.line.startswith(f"{name}: ")
    assert check.line.endswith("; computed by plain PyTorch instead, which is slower")
    (record,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert f"({name}: {check.differing[0].said}), expected the same; computed plainly instead" in record.getMessage()
    assert (labels_of(segmenter) == expected).mean() >= 0.99


@pytest.mark.parametrize("stage", STAGES)
def test_where_the_fast_path_is_required_a_difference_is_an_error(mini, tmp_path, monkeypatch, stage):
    wrong = BREAKS[stage](monkeypatch, mini)
    said = "set require_fast_path to false, which computes that plainly"
    for _ in range(2):  # from the cache too
        with pytest.raises(ModelError, match=said) as raised:
            self_checked(wrong, cache_folder=tmp_path, require_fast_path=True)
    assert dict(zip(STAGES, ("image encoder", "scores", "PAMR", "decision", "whole image"), strict=True))[stage] in str(
        raised.value
    )


@pytest.mark.parametrize("options", [{}, {"input": "aspect"}, {"input_size": 168}])
def test_the_plain_encoder_runs_once_as_all_stages_compare_the_same_picture(mini, monkeypatch, options):
    plain, fast = Counted(self_check._plain_encoder(mini, None)), Counted(mini.networks.image_encoder)
    networks = mini.networks.with_image_encoder(fast, torch.float32, "")
    networks.backend = "openvino"
    segmenter = Segmenter(mini.model, networks, mini.options).with_options(**options)
    check = self_check._check(segmenter, lambda: plain, {})
    assert [each.is_equal for each in check.stages] == [True] * len(STAGES)
    assert (len(plain.sizes), len(fast.sizes)) == (1, 3)
    assert {*plain.sizes, *fast.sizes} == {segmenter.plan((480, 640)).network}  # what the stream has converted


@pytest.fixture
def in_torch(monkeypatch):
    """Every image that mini's encoder has seen in torch, and every such encoder, as long as it is in memory."""
    seen, encoders, forward, load = [], [], MiniImageEncoder.forward, openvino_encoder._load_plain

    def load_and_note(*arguments):
        encoder = load(*arguments)
        encoders.append(weakref.ref(encoder))
        return encoder

    monkeypatch.setattr(
        MiniImageEncoder, "forward", lambda self, images, *more: seen.append(1) or forward(self, images, *more)
    )
    monkeypatch.setattr(openvino_encoder, "_load_plain", load_and_note)
    return SimpleNamespace(seen=seen, alive=lambda: sum(each() is not None for each in encoders))


def test_a_first_start_runs_torchs_encoder_once_to_convert_and_to_check_and_then_frees_it(
    in_torch, tmp_path, monkeypatch
):
    """A run takes a ViT-B more than a second, and its weights 346 MB."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(self_check, "check_scores", lambda *given: alive.append(in_torch.alive()) or checked(*given))
    alive, checked = [], stage_comparisons.check_scores
    _, check = self_checked(load_mini("auto", input_size=128))
    assert [each.is_equal for each in check.stages] == [True] * len(STAGES)
    assert (len(in_torch.seen), alive) == (1, [0])
    encoder = check.stages[0]
    assert 0 < encoder.plain_s < encoder.first_s  # the conversion's, of which torch's run is a part


def test_what_openvino_reads_back_wrongly_is_found_and_torch_encodes_instead(tmp_path, monkeypatch):
    """After a conversion that was right: as from a cache, or where another library breaks what is compiled."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    read = openvino_encoder.read

    def read_wrong(*given):
        network = read(*given)
        return lambda images: ImageFeatures(network(images).patch_features.roll(3, dims=-1))

    monkeypatch.setattr(openvino_encoder, "read", read_wrong)
    for start in ("converted", "kept"):
        segmenter, check = self_checked(load_mini("auto", input_size=128), cache_folder=tmp_path / start)
        assert [each.stage for each in check.differing] == ["encoder"]
        assert isinstance(segmenter.networks.image_encoder, MiniImageEncoder)


class Counted:
    """An image encoder that notes the sizes (H, W) of its images."""

    has_attention = False

    def __init__(self, encoder):
        self._encoder, self.patch_size, self.sizes = encoder, encoder.patch_size, []

    def __call__(self, images, return_attention=False):
        self.sizes.append(tuple(images.shape[2:]))
        return self._encoder(images)

    def at_size(self, size):
        return self._encoder.at_size(size)


def test_what_a_first_call_compiles_or_converts_is_not_the_checks_time(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(stage_comparisons.time, "perf_counter", lambda: clock[0])

    def call(*seconds):
        left = list(seconds)

        def run():
            clock[0] += left.pop(0)

        return run

    stage = stage_comparisons.timed("pamr", call(10.0, 1.0), call(2.0), lambda made, expected: (True, ""))
    assert (stage.first_s, stage.fast_s, stage.plain_s) == (10.0, 1.0, 2.0)
    monkeypatch.setattr(self_check, "_stages", lambda *_: call(14.0)() or [stage])
    without_lane = SimpleNamespace(networks=SimpleNamespace(lane=None))
    assert self_check._check(without_lane, None, {}).seconds == 4.0


def test_a_difference_from_the_cache_is_done_without_too(mini, tmp_path, monkeypatch):
    wrong = break_pamr(monkeypatch, mini)
    self_checked(wrong, cache_folder=tmp_path)
    monkeypatch.setattr(self_check, "_check", None)
    segmenter, _ = self_checked(wrong, cache_folder=tmp_path)
    assert segmenter.options.plain_stages == ("pamr",)
    assert "plain PyTorch" in segmenter.prepare_refinement()


def test_a_kernel_that_fails_is_a_difference_and_no_end_of_the_start(mini, tmp_path, monkeypatch):
    def fail(rgb, scores, count):
        raise RuntimeError("Triton Error [CUDA]: device kernel image is invalid\nmore")

    monkeypatch.setattr(pamr_paths, "_path", lambda device: pamr_paths.PamrPath(fail, "a kernel"))
    check = self_checked(mini, cache_folder=tmp_path)[1]
    assert check.line.startswith(
        "PAMR: it failed with RuntimeError: Triton Error [CUDA]: device kernel image is invalid; computed by"
    )


def test_nan_is_a_difference(mini, tmp_path, monkeypatch):
    nan = pamr_paths.PamrPath(lambda rgb, scores, count: torch.full_like(scores, np.nan), "a kernel")
    monkeypatch.setattr(pamr_paths, "_path", lambda device: nan)
    assert [each.stage for each in self_checked(mini, cache_folder=tmp_path)[1].differing] == ["pamr"]


def test_too_little_memory_for_a_comparison_is_said_and_not_kept(mini, tmp_path, monkeypatch):
    def run_out(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(self_check, "_plain_encoder", run_out)
    segmenter, check = self_checked(mini, cache_folder=tmp_path)
    assert segmenter is mini
    assert check.line == "not checked: too little memory for a plain image encoder"
    assert list(tmp_path.rglob("*.json")) == []


def test_without_the_models_own_file_the_other_stages_are_checked(mini, tmp_path, monkeypatch):
    """A robot may have an exported encoder alone."""
    monkeypatch.setattr(self_check, "_plain_encoder", lambda *_: None)
    check = self_checked(mini, cache_folder=tmp_path)[1]
    assert [each.is_equal for each in check.stages] == [None, True, True, True, True]
    assert "but for image encoder: the model's own file is not on this machine" in check.line


def test_a_cache_that_cannot_be_written_warns_and_the_result_holds(mini, tmp_path, caplog):
    (tmp_path / "file").touch()
    check = self_checked(mini, cache_folder=tmp_path / "file")[1]
    assert check.differing == ()
    assert ["cannot be kept in" in record.getMessage() for record in caplog.records] == [True]
