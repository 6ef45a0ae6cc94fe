# SPDX-License-Identifier: Apache-2.0
"""`talk2dino segment`: segment photographs, folders and videos; write masks and overlays."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from talk2dino_ros.cli.model_arguments import (
    add_model_arguments,
    add_threshold_argument,
    model_choices,
    option_choices,
    with_threshold,
)
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.options import BACKENDS, INPUTS, REFINEMENTS, Options
from talk2dino_ros.engine.presets import PRESETS
from talk2dino_ros.engine.text.class_syntax import split_classes
from talk2dino_ros.perception.points_of_interest import PointOfInterest, find_points
from talk2dino_ros.perception.space.regions import layers_of
from talk2dino_ros.viz import videos
from talk2dino_ros.viz.overlay import overlay, with_answers
from talk2dino_ros.viz.pictures import (
    SUFFIXES,
    UnwritableError,
    find_pictures,
    hidden_ones,
    read_picture,
    write_picture,
)
from talk2dino_ros.viz.result_names import result_names
from talk2dino_ros.viz.terminal import printable
from talk2dino_ros.viz.videos import open_video, video_writer

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter, Vocabulary

Rgb = npt.NDArray[np.uint8]


def add_segment_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Declare the sub-command."""
    parser = commands.add_parser("segment", help="segment photographs, folders of them, or videos")
    parser.add_argument(
        "sources",
        nargs="+",
        type=Path,
        help="photographs, folders, videos; what cannot be read is skipped, named at the end, and gives status 1",
    )
    words = parser.add_mutually_exclusive_group(required=True)
    words.add_argument(
        "--classes", help='words, such as "cat, sofa", or "cat; extinguisher: red extinguisher, fire bottle"'
    )
    words.add_argument("--vocabulary-file", type=Path, help="of `talk2dino encode`; no text encoder is then needed")
    add_model_arguments(parser)
    parser.add_argument("--backend", default="auto", choices=BACKENDS, help="what runs the image encoder")
    parser.add_argument("--onnx-file", type=Path, help="file of `talk2dino export`, for onnxruntime and tensorrt")
    parser.add_argument("--preset", choices=tuple(PRESETS), help="values for several of the options below and above")
    parser.add_argument("--input", default="square", choices=INPUTS)
    parser.add_argument("--input-size", type=int, default=0, help="pixels of the network's input; 0: the model's own")
    parser.add_argument("--refine", default="none", choices=REFINEMENTS)
    parser.add_argument("--refine-pixels", type=int, default=Options.refine_pixels, help="pixels to refine at most")
    add_threshold_argument(parser)
    parser.add_argument("--background-cleaning", action="store_true")
    parser.add_argument("--output", "-o", type=Path, default=Path("segmented"), help="folder for masks and overlays")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Segment every source; print the points of interest and where the files are.

    Raises ImageError that names what was skipped, when all others are done.
    """
    jobs, skipped = _jobs(arguments.sources, arguments.output)
    count = len(jobs) + len(skipped)
    segmenter = _load(arguments)
    vocabulary = _read_words(arguments, segmenter)
    _make_folder(arguments.output)
    skipped += _run_all(jobs, segmenter, vocabulary)
    print(f"masks (the class ids {vocabulary.labels()}) and overlays are in {arguments.output}")
    if skipped:
        raise ImageError(f"{len(skipped)} of {count} files were skipped:", *skipped)


def _load(arguments: argparse.Namespace) -> Segmenter:
    """Load the model as the arguments say; a preset's values replace theirs."""
    from talk2dino_ros.engine import load_segmenter  # imports torch, which `--help` need not wait for

    choices = {**model_choices(arguments), **option_choices(arguments), **PRESETS.get(arguments.preset, {})}
    segmenter = load_segmenter(
        arguments.model,
        needs_text_encoder=arguments.vocabulary_file is None,
        backend=arguments.backend,
        onnx_file=arguments.onnx_file,
        **choices,
    )
    return with_threshold(segmenter, arguments.background)


def _read_words(arguments: argparse.Namespace, segmenter: Segmenter) -> Vocabulary:
    """Load or encode the vocabulary; print its warnings."""
    vocabulary = (
        segmenter.load_vocabulary(arguments.vocabulary_file)
        if arguments.vocabulary_file
        else segmenter.encode_vocabulary(split_classes(arguments.classes))
    )
    for warning in vocabulary.warnings:
        print(f"warning: {printable(warning)}")
    return vocabulary


def _run_all(jobs: list[SegmentJob], segmenter: Segmenter, vocabulary: Vocabulary) -> list[str]:
    """Segment each file; return what was skipped, with the reason. Raises UnwritableError."""
    skipped = []
    for job in tqdm(jobs, unit="file", disable=len(jobs) < 2):
        try:
            job.run(job, segmenter, vocabulary)
        except UnwritableError:
            raise  # the next one would meet the same
        except ImageError as error:
            skipped.append(str(error))
    return skipped


@dataclass(frozen=True)
class SegmentJob:
    """A file to segment. stem: the path of its results, without `_mask.png` and the like."""

    run: Callable[[SegmentJob, Segmenter, Vocabulary], None]
    path: Path
    stem: Path


def _jobs(sources: list[Path], output: Path) -> tuple[list[SegmentJob], list[str]]:
    """List the files to segment and those to skip. Raises ImageError for a source of no known kind."""
    kinds: dict[Path, Callable[[SegmentJob, Segmenter, Vocabulary], None]] = {}
    skipped = []
    for source in sources:
        if os.path.isdir(source):
            kinds |= dict.fromkeys(find_pictures(source), _segment_picture)
            skipped += hidden_ones(source)
        elif source.suffix.lower() in videos.SUFFIXES and os.path.isfile(source):
            kinds[source] = _segment_video
        elif source.suffix.lower() in SUFFIXES and os.path.isfile(source):
            kinds[source] = _segment_picture
        else:
            raise ImageError(
                f"{source} is not there or of no known kind, expected a folder or a file ending in "
                f"{', '.join(SUFFIXES + videos.SUFFIXES)}; name another"
            )
    files = list({path.resolve(): path for path in kinds}.values())
    originals = {path.resolve() for path in files}
    names = result_names(files, lambda name: not originals & {each.resolve() for each in _results(output / name)})
    return [SegmentJob(kinds[path], path, output / name) for path, name in zip(files, names, strict=True)], skipped


def _results(stem: Path) -> tuple[Path, Path, Path]:
    """Return the paths of the results: mask and overlay of a picture, overlay of a video."""
    return beside(stem, "_mask.png"), beside(stem, "_overlay.png"), beside(stem, "_overlay.mp4")


def beside(stem: Path, ending: str) -> Path:
    """Return a result's path; a stem may have a dot in it."""
    return stem.with_name(stem.name + ending)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableError(f"{path} cannot be made ({error.strerror}), expected a folder; name another") from error


def _segment_picture(job: SegmentJob, segmenter: Segmenter, vocabulary: Vocabulary) -> None:
    mask, picture, points = _segment_image(read_picture(job.path), segmenter, vocabulary)
    write_picture(beside(job.stem, "_mask.png"), mask)
    write_picture(beside(job.stem, "_overlay.png"), picture)
    for point in points:
        print(
            f"{printable(job.path.name)}: {printable(point.class_name)} at {point.pixel}, "
            f"confidence {point.confidence:.2f}, area {point.area_share:.1%}"
        )


def _segment_image(rgb: Rgb, segmenter: Segmenter, vocabulary: Vocabulary) -> tuple[Rgb, Rgb, list[PointOfInterest]]:
    """Segment one image; return mask, overlay and points of interest."""
    seen = segmenter.segment(rgb, vocabulary)
    labels, questions = vocabulary.labels(), vocabulary.questions()
    points = [point for layer in layers_of(seen, labels, questions) for point in find_points(*layer)]
    shown, _ = with_answers(seen)
    return seen.class_ids, overlay(rgb, shown, {**labels, **questions}, points=points), points


def _segment_video(job: SegmentJob, segmenter: Segmenter, vocabulary: Vocabulary) -> None:
    """Write `<name>_overlay.mp4`, and the masks as numbered PNGs in `<name>_mask/`."""
    masks = beside(job.stem, "_mask")
    with (
        open_video(job.path) as video,
        video_writer(beside(job.stem, "_overlay.mp4"), video.rate_hz) as write,
    ):
        for number, rgb in enumerate(
            tqdm(video.images(), total=video.count, unit="image", desc=printable(job.path.name))
        ):
            mask, picture, _ = _segment_image(rgb, segmenter, vocabulary)
            _make_folder(masks)
            write_picture(masks / f"{number:06d}.png", mask)
            write(picture)
    if shortfall := video.shortfall():
        print(f"warning: {printable(shortfall)}", file=sys.stderr)
