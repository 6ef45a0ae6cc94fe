# SPDX-License-Identifier: Apache-2.0
"""Arguments that say what is segmented and how, shared by `segment` and `label`, and what they load."""

from __future__ import annotations

import argparse
import hashlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talk2dino_ros.cli.bags.bag_arguments import TOPICS
from talk2dino_ros.cli.class_words import classes_in
from talk2dino_ros.cli.files.file_run import RunSettings
from talk2dino_ros.cli.model_arguments import (
    CLEANING_HELP,
    INPUT_HELP,
    REFINE_HELP,
    add_model_arguments,
    add_threshold_argument,
    model_choices,
    option_choices,
    with_threshold,
)
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.options import BACKENDS, INPUTS, REFINEMENTS, Options
from talk2dino_ros.engine.presets import PRESETS
from talk2dino_ros.ros.bags.bag_topics import TopicNames
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter, Vocabulary

THREADS = min(4, os.cpu_count() or 1)


def add_segment_arguments(parser: argparse.ArgumentParser, output: str) -> None:
    """Declare them. output: the folder where none is named."""
    words = parser.add_mutually_exclusive_group(required=True)
    words.add_argument(
        "--classes", help='words, such as "cat, sofa", or "cat; extinguisher: red extinguisher, fire bottle"'
    )
    words.add_argument(
        "--vocabulary-file", type=Path, help="file of `talk2dino encode`; no text encoder is then needed"
    )
    add_model_arguments(parser)
    parser.add_argument("--backend", default="auto", choices=BACKENDS, help="what runs the image encoder")
    parser.add_argument("--onnx-file", type=Path, help="file of `talk2dino export`, for onnxruntime and tensorrt")
    parser.add_argument(
        "--preset", choices=tuple(PRESETS), help="set several options at once; its values replace theirs"
    )
    parser.add_argument("--input", default="square", choices=INPUTS, help=INPUT_HELP)
    parser.add_argument("--input-size", type=int, default=0, help="pixels of the network's input; 0: the model's own")
    parser.add_argument("--refine", default="none", choices=REFINEMENTS, help=REFINE_HELP)
    parser.add_argument(
        "--refine-pixels", type=int, default=Options.refine_pixels, help="refine larger images at this many pixels"
    )
    add_threshold_argument(parser)
    parser.add_argument("--background-cleaning", action="store_true", help=CLEANING_HELP)
    add_image_topic_argument(parser)
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="use only each N-th image of videos, cameras and bags"
    )
    parser.add_argument("--no-overlay", action="store_true", help="write no overlays, only masks and tables")
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help=f"threads that read files, and as many that write; 0: none (default {THREADS}, for label on CPUs 0)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="begin anew, even if the folder has results of another run"
    )
    parser.add_argument("--output", "-o", type=Path, default=Path(output), help=f"folder for results ({output})")


def add_image_topic_argument(parser: argparse.ArgumentParser) -> None:
    """Declare which topics of bags are taken."""
    parser.add_argument(
        "--image-topic",
        action="append",
        default=[],
        metavar="TOPIC",
        help=f"of bags: {TOPICS['image'].format(images='all')}; once for each camera",
    )


def run_settings(arguments: argparse.Namespace, threads: int = THREADS) -> RunSettings:
    """Return how the images are gone through. threads: where none are named. Raises ModelError for a wrong number."""
    check_number(arguments, "every", 1)
    if arguments.threads is not None:
        check_number(arguments, "threads", 0)
        threads = arguments.threads
    return RunSettings(threads, arguments.every, not arguments.no_overlay)


def check_number(arguments: argparse.Namespace, name: str, lowest: int) -> None:
    """Raise ModelError where an argument is below what it can be."""
    if getattr(arguments, name) < lowest:
        raise ModelError(f"--{name} is {getattr(arguments, name)}, expected a number from {lowest}; give another")


def image_topics(arguments: argparse.Namespace) -> TopicNames:
    """Return which topics of bags are taken."""
    return TopicNames(arguments.image_topic)


def load_for(arguments: argparse.Namespace, *, with_words: bool = True) -> Segmenter:
    """Load the model as the arguments say; a preset's values replace theirs. with_words: words are to be encoded."""
    from talk2dino_ros.engine import load_segmenter  # imports torch, which `--help` need not wait for

    choices = {**model_choices(arguments), **option_choices(arguments), **PRESETS.get(arguments.preset, {})}
    segmenter = load_segmenter(
        arguments.model,
        needs_text_encoder=with_words and arguments.vocabulary_file is None,
        backend=arguments.backend,
        onnx_file=arguments.onnx_file,
        **choices,
    )
    return with_threshold(segmenter, arguments.background)


def read_words(arguments: argparse.Namespace, segmenter: Segmenter) -> Vocabulary:
    """Load or encode the vocabulary; print its warnings."""
    vocabulary = (
        segmenter.load_vocabulary(arguments.vocabulary_file)
        if arguments.vocabulary_file
        else segmenter.encode_vocabulary(classes_in(arguments.classes))
    )
    for warning in vocabulary.warnings:
        print(f"warning: {printable(warning)}")
    return vocabulary


def about_results(segmenter: Segmenter, vocabulary: Vocabulary, settings: RunSettings, backend: str) -> dict[str, Any]:
    """Return all that the results depend on beside the images, ready for JSON: other results have another."""
    from talk2dino_ros.engine.bench.machine import package_versions

    return {
        "model": segmenter.model.name,
        "weights": segmenter.feature_space,
        "projection": vocabulary.projection or segmenter.networks.projection_sum,
        "device": segmenter.device,
        "precision": segmenter.precision,
        "backend": backend,
        "options": asdict(segmenter.options),
        "classes": [entry.text for entry in vocabulary.classes],
        "ids": [*vocabulary.ids],
        "vectors": hashlib.sha256(vocabulary.embeddings.tobytes()).hexdigest(),
        "every": settings.every,
        "overlay": settings.overlay,
        "versions": package_versions(),
    }
