# SPDX-License-Identifier: Apache-2.0
"""`talk2dino segment`: photographs, folders and videos in, masks and overlays out."""

import argparse
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from talk2dino_ros import videos
from talk2dino_ros.cli_model import add_model_arguments, add_threshold_argument, model_choices, with_threshold
from talk2dino_ros.engine import Segmenter, Vocabulary, load_segmenter
from talk2dino_ros.engine.class_text import split_classes
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.onnx_session import BACKENDS
from talk2dino_ros.engine.options import INPUTS, REFINEMENTS, Options
from talk2dino_ros.engine.presets import PRESETS
from talk2dino_ros.pictures import SUFFIXES, find_pictures, read_picture, write_picture
from talk2dino_ros.points_of_interest import PointOfInterest, find_points
from talk2dino_ros.videos import VideoWriter, open_video
from talk2dino_ros.visualization import overlay

Rgb = npt.NDArray[np.uint8]


def add_segment_command(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declare the sub-command."""
    parser = commands.add_parser("segment", help="segment photographs, folders of them, or videos")
    parser.add_argument("sources", nargs="+", type=Path, help="photographs, folders, videos")
    words = parser.add_mutually_exclusive_group(required=True)
    words.add_argument(
        "--classes", help='words, such as "cat, sofa", or "cat; extinguisher: red extinguisher, fire bottle"'
    )
    words.add_argument("--vocabulary-file", type=Path, help="of `talk2dino encode`; no text encoder is then needed")
    add_model_arguments(parser)
    parser.add_argument("--backend", default="torch", choices=BACKENDS, help="what runs the image encoder")
    parser.add_argument("--onnx-file", type=Path, help="file of `talk2dino export`, for the backends beside torch")
    parser.add_argument("--preset", choices=tuple(PRESETS), help="values for several of the options below and above")
    parser.add_argument("--input", default="square", choices=INPUTS)
    parser.add_argument("--input-size", type=int, default=0, help="pixels of the network's input; 0: the model's own")
    parser.add_argument("--refine", default="none", choices=REFINEMENTS)
    parser.add_argument("--refine-pixels", type=int, default=Options.refine_pixels, help="pixels to refine at most")
    add_threshold_argument(parser)
    parser.add_argument("--background-cleaning", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("segmented"), help="folder for masks and overlays")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Segment every source; print the points of interest and where the files are."""
    jobs = _jobs(arguments.sources)
    options = {
        **model_choices(arguments),
        "input": arguments.input,
        "input_size": arguments.input_size,
        "refine": arguments.refine,
        "refine_pixels": arguments.refine_pixels,
        **PRESETS.get(arguments.preset, {}),
    }
    segmenter = load_segmenter(
        arguments.model,
        needs_text_encoder=arguments.vocabulary_file is None,
        backend=arguments.backend,
        onnx_file=arguments.onnx_file,
        background_cleaning=arguments.background_cleaning,
        **options,
    )
    segmenter = with_threshold(segmenter, arguments.background)
    vocabulary = (
        segmenter.load_vocabulary(arguments.vocabulary_file)
        if arguments.vocabulary_file
        else segmenter.encode_vocabulary(split_classes(arguments.classes))
    )
    for warning in vocabulary.warnings:
        print(f"warning: {warning}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    for job, path in tqdm(jobs, unit="file", disable=len(jobs) < 2):
        job(path, segmenter, vocabulary, arguments.output)
    print(f"masks (the class ids {vocabulary.labels()}) and overlays are in {arguments.output}")


Job = Callable[[Path, Segmenter, Vocabulary, Path], None]


def _jobs(sources: list[Path]) -> list[tuple[Job, Path]]:
    """What to do with each file; a source of no known kind is refused before the model is loaded."""
    jobs: list[tuple[Job, Path]] = []
    for source in sources:
        if source.is_dir():
            jobs += [(_segment_picture, path) for path in find_pictures(source)]
        elif source.suffix.lower() in videos.SUFFIXES and source.is_file():
            jobs.append((_segment_video, source))
        elif source.suffix.lower() in SUFFIXES and source.is_file():
            jobs.append((_segment_picture, source))
        else:
            raise ImageError(
                f"{source} is not there or of no known kind, expected a folder or a file ending in "
                f"{', '.join(SUFFIXES + videos.SUFFIXES)}; name another"
            )
    return jobs


def _segment_picture(path: Path, segmenter: Segmenter, vocabulary: Vocabulary, folder: Path) -> None:
    mask, picture, points = _look(read_picture(path), segmenter, vocabulary)
    write_picture(folder / f"{path.stem}_mask.png", mask)
    write_picture(folder / f"{path.stem}_overlay.png", picture)
    for point in points:
        print(
            f"{path.name}: {point.class_name} at {point.pixel}, "
            f"confidence {point.confidence:.2f}, area {point.area_share:.1%}"
        )


def _look(rgb: Rgb, segmenter: Segmenter, vocabulary: Vocabulary) -> tuple[Rgb, Rgb, list[PointOfInterest]]:
    """Mask, overlay and points of interest of one image."""
    seen = segmenter.segment(rgb, vocabulary)
    labels = vocabulary.labels()
    points = find_points(seen.class_ids, seen.confidence, labels)
    return seen.class_ids, overlay(rgb, seen.class_ids, labels, points=points), points


def _segment_video(path: Path, segmenter: Segmenter, vocabulary: Vocabulary, folder: Path) -> None:
    """Write `<name>_overlay.mp4`, and the masks as numbered PNGs in `<name>_mask/`."""
    masks = folder / f"{path.stem}_mask"
    masks.mkdir(exist_ok=True)
    with open_video(path) as video, closing(VideoWriter(folder / f"{path.stem}_overlay.mp4", video.rate_hz)) as writer:
        for number, rgb in enumerate(tqdm(video.images(), total=video.count, unit="image", desc=path.name)):
            mask, picture, _ = _look(rgb, segmenter, vocabulary)
            write_picture(masks / f"{number:06d}.png", mask)
            writer.write(picture)
