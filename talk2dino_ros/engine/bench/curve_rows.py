# SPDX-License-Identifier: Apache-2.0
"""Benchmark rows that are curves: latency by classes, by resolution, by stage of a frame; and the soak test."""

from functools import partial
from statistics import median

from tqdm import tqdm

from talk2dino_ros.engine.bench.measure import in_turn, resident_bytes
from talk2dino_ros.engine.bench.outcome import BenchOutcome, Row
from talk2dino_ros.engine.bench.subject import Subject, settled
from talk2dino_ros.engine.presets import PRESETS

CLASS_COUNTS = (1, 5, 20, 50, 100, 150)
SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080))
CAMERA = (640, 480)
SOAK_SIZES = ((160, 120), (120, 160), (200, 120))  # of a stream whose resolution changes


def _classes(subject: Subject) -> BenchOutcome:
    """Time one image with few and with many classes, without PAMR."""
    rgb = subject.photo(*CAMERA)
    vocabularies = {str(count): subject.vocabulary(count) for count in CLASS_COUNTS}
    sides = {name: partial(subject.segmenter.segment, rgb, words) for name, words in vocabularies.items()}
    seconds = in_turn(sides, 12, label="classes")
    medians = [times["median_s"] for times in seconds.values()]
    spread = max(medians) / min(medians) - 1
    said = f"{1e3 * medians[0]:.0f} ms with 1 class, {1e3 * medians[-1]:.0f} ms with 150; spread {spread:.0%}"
    return BenchOutcome(said, spread <= 0.15, {"seconds": seconds, "spread": spread})


def _resolution(subject: Subject) -> BenchOutcome:
    """Time one image at several sizes, with 20 classes, without and with PAMR."""
    vocabulary = subject.vocabulary(20)
    seconds = {}
    for width, height in SIZES:
        rgb = subject.photo(width, height)
        sides = {
            refine: partial(subject.segmenter.with_options(refine=refine).segment, rgb, vocabulary)
            for refine in ("none", "pamr")
        }
        seconds[f"{width}x{height}"] = in_turn(sides, 5, label=f"{width}x{height}")
    said = "; ".join(
        f"{size}: {1e3 * sides['none']['median_s']:.0f} ms, with PAMR {1e3 * sides['pamr']['median_s']:.0f} ms"
        for size, sides in seconds.items()
    )
    return BenchOutcome(said, None, {"seconds": seconds})


def _stages(subject: Subject) -> BenchOutcome:
    """Find where a frame's time goes, per preset."""
    rgb, vocabulary = subject.photo(*CAMERA), subject.vocabulary(20)
    found = {}
    settings: dict[str, dict[str, str | int]] = {"no PAMR": {}, "PAMR": {"refine": "pamr"}, "fast": PRESETS["fast"]}
    for name, options in settings.items():
        segmenter = settled(subject.segmenter.with_options(**options), rgb, vocabulary)
        frames = []
        for _ in range(8):
            timer = segmenter.stage_timer()
            segmenter.segment(rgb, vocabulary, timer=timer)
            frames.append(timer.seconds)
        found[name] = {stage: median(frame[stage] for frame in frames[1:]) for stage in frames[0]}
    said = "; ".join(f"{name}: {_shares(stages)}" for name, stages in found.items())
    return BenchOutcome(said, None, {"median_s": found})


def _shares(stages: dict[str, float]) -> str:
    largest = sorted(stages.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{stage} {1e3 * seconds:.0f} ms" for stage, seconds in largest)


def soak_row(frames: int) -> Row:
    """Return the soak test's row, which is run only on request, as it takes as long as one likes."""
    return Row(
        "soak", f"resident memory over {frames} small images, preset `fast`", "", "any", partial(_soak, frames=frames)
    )


def _soak(subject: Subject, frames: int) -> BenchOutcome:
    """Segment many small images with preset `fast`; resident memory after the first hundred, on the way, at the end."""
    segmenter, vocabulary = subject.segmenter.with_options(**PRESETS["fast"]), subject.vocabulary(5)
    pictures = [subject.photo(*size) for size in SOAK_SIZES]
    first = min(100, frames // 10)
    memory: list[int] = []
    for number in tqdm(range(frames), desc="soak", unit="frame", leave=False, disable=None):
        if number >= first and (number - first) % max(1, (frames - first) // 10) == 0:
            memory.append(resident_bytes())
        segmenter.segment(pictures[number % len(pictures)], vocabulary)
    memory.append(resident_bytes())
    said = f"{frames} frames: {memory[0] / 1e6:.0f} MB after {first}, {memory[-1] / 1e6:.0f} MB at the end"
    return BenchOutcome(said, None, {"frames": frames, "resident_bytes": memory})


CURVE_ROWS = (
    Row("classes", "1 to 150 classes, 640x480, no PAMR", "flat within 15 %", "any", _classes),
    Row("resolution", "320x240 to 1920x1080, 20 classes", "", "any", _resolution),
    Row("stages", "where a frame's time goes, 640x480, 20 classes", "", "any", _stages),
)
