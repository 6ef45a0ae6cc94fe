# SPDX-License-Identifier: Apache-2.0
"""Command-line arguments that choose and configure the model, shared by several sub-commands."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talk2dino_ros.engine.options import PATCH_SOURCES, PRECISIONS, options_of

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter

INPUT_HELP = "how images are resized for the network: square, slide (sliding window) or aspect (shape kept)"
REFINE_HELP = "refine the mask along image edges: pamr is better and slower"
CLEANING_HELP = "weight the scores by the image encoder's attention, as in the paper"
PRECISION_HELP = "number format of the networks (default: auto)"


def add_word_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the text side: all that `encode` needs."""
    parser.add_argument(
        "--model",
        default="talk2dino_vitb",
        help="model name (default: %(default)s); `talk2dino weights list` shows all",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--weights-dir", type=Path, help="folder with the published weights files")
    parser.add_argument(
        "--projection-file", type=Path, help="projection of `talk2dino train`, instead of the model's own"
    )
    parser.add_argument(
        "--text-cache-dir",
        default="",
        help="folder of the text cache; none: no cache (default: ~/.cache/talk2dino_ros)",
    )


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the text side and of the image side."""
    add_word_arguments(parser)
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help=PRECISION_HELP)
    parser.add_argument(
        "--patch-source",
        default="",
        choices=PATCH_SOURCES,
        help="dino.txt only: compare patches of its head or of the backbone",
    )


def word_choices(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what `add_word_arguments` declared as arguments of `encode_vocabulary`, but for the model's name."""
    names = ("device", "weights_dir", "projection_file", "text_cache_dir")
    return {name: getattr(arguments, name) for name in names}


def model_choices(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what `add_model_arguments` declared as arguments of `load_segmenter`, but for the model's name."""
    return {
        **word_choices(arguments),
        "precision": arguments.precision,
        "patch_source": arguments.patch_source,
        "text_encoder": "free",  # a command encodes once
    }


def option_choices(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that a command declared, by name, but for the threshold, which `with_threshold` sets."""
    return {name: value for name, value in options_of(arguments).items() if name != "background"}


def add_threshold_argument(parser: argparse.ArgumentParser, what: str = "threshold") -> None:
    """Declare the threshold below which a pixel is unlabeled; what: its name in the help."""
    parser.add_argument("--background", type=float, default=-1.0, help=f"{what}; -1: the model's own (default), 0: off")


def with_threshold(segmenter: "Segmenter", background: float) -> "Segmenter":
    """Return a segmenter with the threshold that `add_threshold_argument` declared."""
    return segmenter.with_options(background=segmenter.model.background if background == -1.0 else background)
