# SPDX-License-Identifier: Apache-2.0
"""`talk2dino explain`: draw step by step how one photograph becomes a mask (docs/how_it_works.md)."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talk2dino_ros.cli.class_words import classes_in
from talk2dino_ros.cli.model_arguments import (
    CLEANING_HELP,
    INPUT_HELP,
    add_model_arguments,
    add_threshold_argument,
    model_choices,
    option_choices,
    with_threshold,
)
from talk2dino_ros.engine.errors import ImageError, VocabularyError
from talk2dino_ros.viz.pictures import SUFFIXES, read_picture, write_picture
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter

MOST_WORDS = 8  # each has a row of maps
INPUTS = ("square", "aspect")  # in one look; the windows of `slide` each go their own way


def add_explain_command(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declare the sub-command."""
    parser = commands.add_parser("explain", help="draw how a photo becomes a mask: heads, scores, PAMR")
    parser.add_argument("image", type=Path, help="a photo")
    parser.add_argument("--classes", required=True, help=f'up to {MOST_WORDS} words, as for segment: "cat, sofa"')
    add_model_arguments(parser)
    parser.add_argument("--input", default="square", choices=INPUTS, help=INPUT_HELP)
    parser.add_argument("--input-size", type=int, default=0, help="pixels of the network's input; 0: the model's own")
    add_threshold_argument(parser)
    parser.add_argument("--background-cleaning", action="store_true", help=CLEANING_HELP)
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        default=Path("explain.png"),
        help="one picture of all parts (default: explain.png), or a folder: one picture for each part",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Segment the photograph, draw what each step saw, print where."""
    classes = classes_in(arguments.classes)
    if len(classes) > MOST_WORDS:
        raise VocabularyError(
            f"an explanation of {len(classes)} words was asked for, expected at most {MOST_WORDS}, as each has a row "
            "of maps; name fewer"
        )
    rgb = read_picture(arguments.image)
    _prepare_output(arguments.output)
    # with torch, so not for `--help` and not for a wrong name
    from talk2dino_ros.engine.inference.explanation import explain
    from talk2dino_ros.viz.explain.sections import sections, sheet

    segmenter = _load(arguments)
    vocabulary = segmenter.encode_vocabulary(classes)
    for warning in vocabulary.warnings:
        print(f"warning: {printable(warning)}")
    explanation = explain(segmenter, rgb, vocabulary)
    if arguments.output.suffix:
        write_picture(arguments.output, sheet(explanation))
    else:
        for name, picture in sections(explanation).items():
            write_picture(arguments.output / f"{name}.png", picture)
    print(f"written to {arguments.output}")


def _prepare_output(path: Path) -> None:
    """Make the output folder, and check before anything is computed that pictures can be written there."""
    if not _is_place(path):
        raise ImageError(
            f"--output is {path}, expected a file ending in {', '.join(SUFFIXES)} in an existing folder, or a "
            "folder's name without an ending; name another"
        )


def _is_place(path: Path) -> bool:
    if path.suffix:
        return path.suffix.lower() in SUFFIXES and path.parent.is_dir()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return True


def _load(arguments: argparse.Namespace) -> "Segmenter":
    from talk2dino_ros.engine import load_segmenter

    segmenter = load_segmenter(arguments.model, **model_choices(arguments), **option_choices(arguments))
    return with_threshold(segmenter, arguments.background)
