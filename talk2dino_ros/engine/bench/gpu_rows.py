# SPDX-License-Identifier: Apache-2.0
"""Benchmark rows for a CUDA GPU; `segment` returns arrays on the host, so each call ends when it is done."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from talk2dino_ros.engine.bench.cpu_rows import two_cameras
from talk2dino_ros.engine.bench.measure import in_turn
from talk2dino_ros.engine.bench.outcome import BenchOutcome, Row, milliseconds
from talk2dino_ros.engine.bench.subject import Subject

CAMERA = (640, 480)
BATCH = 8
# Dense bf16 and fp16 FLOP/s by the makers' data sheets, by a part of the name that torch gives the GPU.
PEAK_FLOPS = {"H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "A100": 312e12}


def _frame(subject: Subject) -> BenchOutcome:
    """Time array on the host to labels on the host, one image, with PAMR, beside the baseline."""
    rgb, vocabulary = subject.photo(*CAMERA), subject.vocabulary(20)
    refining = subject.segmenter.with_options(input="square", refine="pamr")
    baseline = in_turn(
        {"baseline": lambda: subject.baseline.segment(rgb, vocabulary.embeddings, refine=True)}, 10, label="baseline"
    )["baseline"]
    engine = in_turn({"engine": lambda: refining.segment(rgb, vocabulary)}, 500, warm_up=20, label="frame")["engine"]
    ratio = baseline["median_s"] / engine["median_s"]
    return BenchOutcome(
        f"{milliseconds(engine)}, baseline {milliseconds(baseline)}: {ratio:.0f}x",
        engine["median_s"] <= 3e-3 and engine["p99_s"] <= 5e-3,
        {"seconds": {"baseline": baseline, "engine": engine}, "ratio": ratio},
    )


def _batch(subject: Subject) -> BenchOutcome:
    """Measure the images a second in batches."""
    images, vocabulary = [subject.photo(*CAMERA)] * BATCH, subject.vocabulary(20)
    refining = subject.segmenter.with_options(input="square", refine="pamr")
    call = {"batch": lambda: refining.segment(images, vocabulary)}
    seconds = in_turn(call, 60, warm_up=5, label="batch")["batch"]
    rate = BATCH / seconds["median_s"]
    return BenchOutcome(f"{rate:.0f} images/s", rate >= 300, {"seconds": seconds, "rate_hz": rate})


def _backbone(subject: Subject) -> BenchOutcome:
    """Time the image encoder on one square beside the least time that its arithmetic takes."""
    call = {"backbone": _encoder_alone(subject)}
    seconds = in_turn(call, 50, warm_up=10, label="backbone")["backbone"]["median_s"]
    name = torch.cuda.get_device_name(subject.segmenter.device)
    peak = next((flops for part, flops in PEAK_FLOPS.items() if part in name), None)
    work = backbone_flop(subject)
    figures = {"median_s": seconds, "flop": work, "peak_flop_per_s": peak}
    if peak is None or work is None:
        return BenchOutcome(f"{1e3 * seconds:.2f} ms; no floor is known here for this network on {name}", None, figures)
    times_floor = seconds * peak / work
    said = f"{1e3 * seconds:.2f} ms, {times_floor:.1f}x the floor of {1e3 * work / peak:.2f} ms"
    return BenchOutcome(said, times_floor <= 2, figures)


def _encoder_alone(subject: Subject) -> Callable[[], None]:
    """Return what encodes one square and waits, recorded where the segmenter is."""
    networks, side = subject.segmenter.networks, subject.baseline.side
    lane = networks.lane
    assert lane is not None  # as these rows are a GPU's
    pixels = torch.rand(1, 3, side, side, device=networks.device)
    encode = partial(networks.image_encoder, pixels)
    with torch.inference_mode(), lane.entered():
        run = lane.recorded(encode) if lane.records else encode

    def once() -> None:
        with torch.inference_mode(), lane.entered():
            run()
            lane.wait()

    return once


def backbone_flop(subject: Subject) -> float | None:
    """Count a ViT's multiplications and additions for one square, from its shapes; None for another network."""
    network: Any = getattr(subject.baseline.image_encoder, "network", None)
    if not hasattr(network, "embed_dim"):
        return None
    width, blocks = int(network.embed_dim), len(network.blocks)
    patch_size = subject.baseline.image_encoder.patch_size
    patches = (subject.baseline.side // patch_size) ** 2
    tokens = patches + int(network.num_prefix_tokens)
    linear = 12 * width**2 * tokens  # qkv 3, projection 1, the MLP's two layers 8
    attention = 2 * tokens**2 * width
    embedding = patches * 3 * patch_size**2 * width
    return 2.0 * (blocks * (linear + attention) + embedding)


def _large(subject: Subject) -> BenchOutcome:
    """Time and memory at 1280x720 with many classes."""
    rgb, vocabulary = subject.photo(1280, 720), subject.vocabulary(150)
    refining = subject.segmenter.with_options(input="square", refine="pamr")
    call = {"engine": partial(refining.segment, rgb, vocabulary)}
    in_turn(call, 1, warm_up=5)
    torch.cuda.reset_peak_memory_stats(refining.device)
    seconds = in_turn(call, 100, warm_up=0, label="1280x720")["engine"]
    peak = torch.cuda.max_memory_allocated(refining.device)
    return BenchOutcome(
        f"{milliseconds(seconds)}, peak {peak / 1e9:.2f} GB, the baseline's fp32 copy of the network included",
        seconds["median_s"] < 12e-3 and peak < 2e9,
        {"seconds": seconds, "peak_bytes": peak},
    )


GPU_ROWS = (
    Row("gpu_frame", "GPU, 640x480, 20 classes, square + PAMR", "3 ms or less, p99 under 5 ms", "cuda", _frame),
    Row("gpu_batch", "GPU, the same in batches of 8", "300 images/s", "cuda", _batch),
    Row("gpu_backbone", "GPU, backbone alone", "within 2x of the arithmetic floor", "cuda", _backbone),
    Row("gpu_large", "GPU, 1280x720, 150 classes, PAMR", "under 12 ms, peak under 2 GB", "cuda", _large),
    Row("gpu_two_cameras", "GPU, two cameras in one batch against two calls", "1.6x", "cuda", two_cameras),
)
