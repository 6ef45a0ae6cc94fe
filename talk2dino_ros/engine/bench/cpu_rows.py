# SPDX-License-Identifier: Apache-2.0
"""Benchmark rows for a CPU."""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from talk2dino_ros.engine.bench.measure import agreement, in_fresh_process, in_turn
from talk2dino_ros.engine.bench.outcome import BenchOutcome, Row, milliseconds
from talk2dino_ros.engine.bench.pamr_memory import PAMR_SIDES
from talk2dino_ros.engine.bench.subject import Rgb, Subject, baseline_of, settled
from talk2dino_ros.engine.factory import load_segmenter
from talk2dino_ros.engine.inference.canvas import upsampled
from talk2dino_ros.engine.presets import PRESETS
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.vocabulary import Vocabulary

SIZE = (600, 400)
CAMERA = (640, 480)
MINI_WORDS = ("person", "cat", "cup", "rocket", "raccoon", "helmet", "flag", "table", "sky", "wall")


def _image(subject: Subject, refine: str = "none", least: float = 3.3) -> BenchOutcome:
    """Time the engine and the baseline on one image, and compare their labels. least: how many times as fast."""
    rgb, vocabulary = subject.photo(*SIZE), subject.vocabulary(20)
    segmenter = settled(subject.segmenter.with_options(refine=refine), rgb, vocabulary)
    labels = {}

    def run_baseline() -> None:
        index, _ = subject.baseline.segment(rgb, vocabulary.embeddings, refine=refine == "pamr")
        labels["baseline"] = _ids(index, vocabulary)

    def run_engine() -> None:
        labels["engine"] = segmenter.segment(rgb, vocabulary).class_ids

    # the baseline's PAMR takes half a minute, beside which what a first call costs is nothing
    rounds, warm_up = (12, 1) if refine == "none" else (3, 0)
    seconds = in_turn(
        {"baseline": run_baseline, "engine": run_engine}, rounds, warm_up=warm_up, label=f"image {refine}"
    )
    ratio = seconds["baseline"]["median_s"] / seconds["engine"]["median_s"]
    agree = agreement(labels["baseline"], labels["engine"])
    return BenchOutcome(
        f"{ratio:.1f}x: {milliseconds(seconds['baseline'])} to {milliseconds(seconds['engine'])} "
        f"{_by(segmenter)}; labels agree {agree:.2%}",
        ratio >= least and agree >= 0.99,
        {
            "seconds": seconds,
            "ratio": ratio,
            "label_agreement": agree,
            "classes_seen": len(np.unique(labels["baseline"])),
        },
    )


def _by(segmenter: Segmenter) -> str:
    return f"by {segmenter.networks.backend} in {segmenter.precision}"


def _ids(index: npt.NDArray[np.int64], vocabulary: Vocabulary) -> npt.NDArray[np.uint8]:
    ids: npt.NDArray[np.uint8] = np.asarray(vocabulary.ids, np.uint8)[index]
    return ids


def _pamr(subject: Subject, count: int) -> BenchOutcome:
    """Time PAMR alone on the scores of the picture, and measure each side's memory in a process of its own."""
    rgb, scores = _pamr_inputs(subject, count)
    refined = {}

    def keep(name: str) -> None:
        refined[name] = PAMR_SIDES[name](rgb, scores)

    with torch.inference_mode():
        seconds = in_turn({name: partial(keep, name) for name in PAMR_SIDES}, 3, label=f"pamr {count}")
    labels = {name: values.argmax(dim=0).numpy() for name, values in refined.items()}
    ratio = seconds["baseline"]["median_s"] / seconds["engine"]["median_s"]
    agree = agreement(labels["baseline"], labels["engine"])
    peak = _pamr_memory(rgb, scores)
    share = peak["engine"] / peak["baseline"]
    figures = {
        "seconds": seconds,
        "ratio": ratio,
        "peak_bytes": peak,
        "memory_share": share,
        "label_agreement": agree,
        "largest_difference": (refined["baseline"] - refined["engine"]).abs().max().item(),
    }
    said = (
        f"{ratio:.1f}x: {milliseconds(seconds['baseline'])} to {milliseconds(seconds['engine'])}; memory "
        f"{peak['baseline'] / 1e6:.0f} MB to {peak['engine'] / 1e6:.0f} MB ({share:.0%}); labels agree {agree:.3%}"
    )
    return BenchOutcome(said, ratio >= 20 and share <= 0.25 and agree >= 0.999, figures)


@torch.inference_mode()
def _pamr_inputs(subject: Subject, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.from_numpy(subject.photo(*SIZE)).permute(2, 0, 1).float().contiguous() / 255
    embeddings = torch.tensor(subject.vocabulary(count).embeddings, device=subject.baseline.device)
    scores = subject.baseline.patch_scores(image[None].to(subject.baseline.device), embeddings)[0]
    return image, upsampled(scores.cpu(), SIZE[::-1]).contiguous()


def _pamr_memory(rgb: torch.Tensor, scores: torch.Tensor) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs.npz"
        np.savez(inputs, rgb=rgb.numpy(), scores=scores.numpy())
        module = "talk2dino_ros.engine.bench.pamr_memory"
        return {name: in_fresh_process(module, name, str(inputs))["peak_bytes"] for name in PAMR_SIDES}


def _fast(subject: Subject) -> BenchOutcome:
    """Measure the preset's images a second, and how far its labels are those of square input with PAMR."""
    rgb, vocabulary = subject.photo(*CAMERA), subject.vocabulary(20)
    fast, full = (settled(each, rgb, vocabulary) for each in _fast_and_full(subject.segmenter))
    seconds = in_turn({"fast": lambda: fast.segment(rgb, vocabulary)}, 30, warm_up=3, label="fast")["fast"]
    agree = agreement(fast.segment(rgb, vocabulary).class_ids, full.segment(rgb, vocabulary).class_ids)
    rate = 1 / seconds["median_s"]
    mini = _mini_agreement(subject.photos)
    return BenchOutcome(
        f"{rate:.1f} images/s ({milliseconds(seconds)}) {_by(fast)}; labels agree {agree:.1%} with square + PAMR here, "
        f"and {mini:.1%} with mini's real weights and background on {len(subject.photos)} photographs",
        rate >= 12,
        {"seconds": seconds, "rate_hz": rate, "label_agreement": agree, "mini_label_agreement": mini},
    )


def _fast_and_full(segmenter: Segmenter) -> tuple[Segmenter, Segmenter]:
    return segmenter.with_options(**PRESETS["fast"]), segmenter.with_options(input="square", refine="pamr")


def _mini_agreement(photos: Sequence[Rgb]) -> float:
    """Return mean agreement on photographs with words, where the weights mean something."""
    mini = load_segmenter("mini", device="cpu")
    mini = mini.with_options(background=mini.model.background)  # as the node does; most of a photograph is no word's
    fast, full = _fast_and_full(mini)
    vocabulary = mini.encode_vocabulary(MINI_WORDS)
    masks = [(fast.segment(rgb, vocabulary).class_ids, full.segment(rgb, vocabulary).class_ids) for rgb in photos]
    return float(np.mean([agreement(one, other) for one, other in masks]))


def _mini(subject: Subject) -> BenchOutcome:
    """Measure `mini`'s images a second, whatever the run's model, beside the plain pipeline with its weights."""
    rgb = subject.photo(*CAMERA)
    mini = load_segmenter("mini", device="cpu")
    vocabulary = mini.encode_vocabulary(MINI_WORDS)
    mini = settled(mini.with_options(background=mini.model.background), rgb, vocabulary)
    plain = baseline_of(mini.model, "cpu")
    sides = {
        "baseline": lambda: plain.segment(rgb, vocabulary.embeddings, refine=False),
        "engine": lambda: mini.segment(rgb, vocabulary),
    }
    seconds = in_turn(sides, 20, warm_up=3, label="mini")
    rate = 1 / seconds["engine"]["median_s"]
    ratio = seconds["baseline"]["median_s"] / seconds["engine"]["median_s"]
    return BenchOutcome(
        f"{rate:.1f} images/s ({milliseconds(seconds['engine'])}) {_by(mini)}, {ratio:.1f}x the plain pipeline's",
        rate >= 20,
        {"seconds": seconds, "rate_hz": rate, "ratio": ratio},
    )


def two_cameras(subject: Subject) -> BenchOutcome:
    """Time two images as one batch and as two calls."""
    segmenter, vocabulary = subject.segmenter, subject.vocabulary(20)
    pair = [subject.photo(*CAMERA), np.ascontiguousarray(subject.photo(*CAMERA)[:, ::-1])]
    sides = {
        "separate": lambda: [segmenter.segment(rgb, vocabulary) for rgb in pair],
        "batched": lambda: segmenter.segment(pair, vocabulary),
    }
    seconds = in_turn(sides, 12, label="two cameras")
    ratio = seconds["separate"]["median_s"] / seconds["batched"]["median_s"]
    least = 1.6 if subject.device == "cuda" else 1.0
    said = f"{ratio:.2f}x: {milliseconds(seconds['separate'])} to {milliseconds(seconds['batched'])} for two images"
    return BenchOutcome(said, ratio >= least, {"seconds": seconds, "ratio": ratio})


CPU_ROWS = (
    Row("image", "CPU, 600x400, no PAMR, 20 classes", "3.3x faster, labels agree 99 %", "cpu", _image),
    Row(
        "image_pamr",
        "CPU, 600x400, PAMR, 20 classes",
        "12x faster, labels agree 99 %",
        "cpu",
        partial(_image, refine="pamr", least=12),
    ),
    *(
        Row(
            f"pamr_{count}",
            f"CPU, PAMR alone, 600x400, {count} classes, fp32",
            "20x faster, a quarter of the memory, labels agree 99.9 %",
            "cpu",
            partial(_pamr, count=count),
        )
        for count in (5, 20)
    ),
    Row("fast", "CPU, preset `fast`, 640x480, 20 classes", "12 images/s, agreement stated", "cpu", _fast),
    Row("mini", "CPU, `mini`, 640x480, 10 words", "20 images/s", "cpu", _mini),
    Row("two_cameras", "CPU, two cameras in one batch against two calls", "not slower", "cpu", two_cameras),
)
