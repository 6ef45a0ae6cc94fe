# SPDX-License-Identifier: Apache-2.0
"""Whether an image can be segmented: the model's files, loading it, its self-check, and one image."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level, Section
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.factory import load_segmenter
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.runtime.devices import resolve_device
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.selfcheck.seeded_scene import seeded_picture
from talk2dino_ros.engine.selfcheck.self_check import self_checked
from talk2dino_ros.engine.selfcheck.stage_check import SelfCheck, StageCheck
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.engine.weights.weights_files import find, way_to_get

SIZE = (480, 640)  # H, W of the image that is timed
WORDS = 20


@dataclass(frozen=True)
class MainJob:
    """Whether an image can be segmented. said: how, or why not. check: None where the model could not be loaded."""

    can_run: bool
    said: str
    sections: tuple[Section, ...]
    check: SelfCheck | None = None


def try_model(
    name: str,
    *,
    weights_dir: Path | None = None,
    onnx_file: Path | None = None,
    vocabulary_file: Path | None = None,
    **choices: Any,
) -> MainJob:
    """Try to segment an image; nothing is downloaded.

    onnx_file, vocabulary_file: in place of the image encoder's and of the text encoder's files. choices: of
    `load_segmenter`. Raises ModelError for the name.
    """
    model = find_model(name)
    replaced = set(model.image_roles) if onnx_file else set()
    if vocabulary_file:
        replaced |= {file.role for file in model.files} - set(model.image_roles)
    files = Section("Weights", tuple(_weights(model, weights_dir, replaced)))
    missing = any(each.level is Level.WRONG for each in files.findings)
    try:
        resolve_device(choices.get("device", "auto"))
        if missing:
            return MainJob(False, f"{name} cannot run: its files are not all here", (files,))
        segmenter = load_segmenter(
            name, weights_dir=weights_dir, onnx_file=onnx_file, needs_text_encoder=False, **choices
        )
        segmenter, check = self_checked(segmenter, weights_dir=weights_dir, warn=lambda _: None)
        seconds = _time_image(segmenter, vocabulary_file)
    except Talk2DinoError as error:
        return _failed(name, files, str(error))
    except Exception as error:  # what libraries and drivers raise is what a person is here for
        return _failed(name, files, f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")
    return MainJob(True, _said(segmenter, seconds), (files, _model(segmenter, check, seconds)), check)


def _failed(name: str, files: Section, said: str) -> MainJob:
    reason, _, remedy = said.partition("; ")
    finding = HealthFinding(name, reason, Level.WRONG, remedy)
    return MainJob(False, f"{name} cannot run", (files, Section("Segmentation", (finding,))))


def _weights(model: Model, weights_dir: Path | None, replaced: set[str]) -> list[HealthFinding]:
    findings = []
    for file in model.files:
        path = find(file, weights_dir)
        if path is not None:
            findings.append(HealthFinding(file.role, f"{path} ({path.stat().st_size / 1e6:.1f} MB)"))
        elif file.role in replaced:
            findings.append(HealthFinding(file.role, "not here; the file that was named takes its place"))
        else:
            place = f"in {weights_dir}" if weights_dir else "on this machine"
            remedy = way_to_get(file, model.name, weights_dir)
            findings.append(HealthFinding(file.role, f"not {place}: {file.source.address}", Level.WRONG, remedy))
    return findings


def _time_image(segmenter: Segmenter, vocabulary_file: Path | None) -> float:
    """Time one image with PAMR, in seconds, after a first one."""
    words = segmenter.load_vocabulary(vocabulary_file) if vocabulary_file else _words(segmenter.model.embedding_size)
    picture = seeded_picture(segmenter.fixed_size or SIZE)
    refined = segmenter.with_options(refine="pamr", background=segmenter.model.background or None)
    refined.segment(picture, words)
    begin_s = time.perf_counter()
    refined.segment(picture, words)
    return time.perf_counter() - begin_s


def _words(width: int) -> Vocabulary:
    """Make words that mean nothing: as many as a robot looks for."""
    vectors = np.random.default_rng(0).normal(size=(WORDS, width))
    return Vocabulary.from_embeddings([f"word {number}" for number in range(WORDS)], vectors)


def _said(segmenter: Segmenter, seconds: float) -> str:
    return f"{segmenter.model.name} segments on {segmenter.device} in {segmenter.precision}: {seconds:.2f} s an image"


def _model(segmenter: Segmenter, check: SelfCheck, seconds: float) -> Section:
    height, width = segmenter.fixed_size or SIZE
    how = f"by {segmenter.networks.backend} in {segmenter.precision} ({segmenter.precision_reason})"
    loaded = HealthFinding(segmenter.model.name, f"on {segmenter.device} {how}")
    refinement = HealthFinding("PAMR", f"by {segmenter.prepare_refinement()}")
    image = HealthFinding("one image", f"{seconds:.2f} s ({width}x{height}, PAMR)")
    stages = tuple(map(_stage, check.stages))
    when = "now" if check.is_new else "before, as the cache has it"
    note = (HealthFinding("self-check cache", check.note, Level.NOTE),) if check.note else ()
    about = HealthFinding("self-check", f"fast path against plain fp32 PyTorch, checked {when}; {check.seconds:.1f} s")
    return Section("Segmentation", (loaded, refinement, image, about, *stages, *note))


def _stage(each: StageCheck) -> HealthFinding:
    times = f"; {each.fast_s * 1e3:.1f} ms, plain {each.plain_s * 1e3:.1f} ms" if each.plain_s else ""
    if each.is_equal:
        return HealthFinding(f"  {each.name}", each.said + times)
    if each.is_equal is None:
        return HealthFinding(f"  {each.name}", f"not checked: {each.said}", Level.NOTE)
    return HealthFinding(
        f"  {each.name}",
        each.said + times,
        Level.WRONG,
        "the plain path is used, which is correct but slower; update the driver and PyTorch, or send this report",
    )
