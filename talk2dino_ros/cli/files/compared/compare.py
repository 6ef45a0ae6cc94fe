# SPDX-License-Identifier: Apache-2.0
"""`talk2dino compare`: what two runs of `talk2dino segment` made of the same images, as one HTML file."""

import argparse
from pathlib import Path
from typing import Any

from talk2dino_ros.cli.files.compared.comparison import ResultComparison, compare_results
from talk2dino_ros.cli.files.compared.comparison_page import comparison_page
from talk2dino_ros.cli.tables import print_table
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.viz.pictures import UnwritableError


def add_compare_command(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declare the sub-command."""
    parser = commands.add_parser(
        "compare", help="compare two folders of `segment` over the same images: models, words or options"
    )
    parser.add_argument("one", type=Path, metavar="A", help="a folder that `talk2dino segment` has written")
    parser.add_argument("other", type=Path, metavar="B", help="another one, of the same images")
    parser.add_argument("--output", "-o", type=Path, default=Path("compared.html"), help="file (compared.html)")
    parser.add_argument("--most", type=int, default=40, help="number of images to show, the most different first (40)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Compare, write the page, print the table of classes. Raises ResultsError, UnwritableError."""
    if arguments.most < 0:
        raise ModelError(f"--most is {arguments.most}, expected a number of images from 0; give another")
    comparison = compare_results(arguments.one, arguments.other)
    page = comparison_page(comparison, arguments.most)
    try:
        write_atomically(arguments.output, page.encode())
    except OSError as error:
        raise UnwritableError(
            f"{arguments.output} could not be written ({error.strerror}), expected a file in an existing folder; "
            "name another by --output"
        ) from error
    print_table([("class", "IoU", "share in A", "share in B"), *_rows(comparison)])
    print(f"written to {arguments.output}; {counted(len(comparison.pairs), 'image')}, those that differ most first")


def _rows(comparison: ResultComparison) -> list[tuple[str, ...]]:
    return [
        (each.name, "-" if each.iou is None else f"{each.iou:.1%}", *(f"{share:.2%}" for share in each.shares))
        for each in comparison.classes()
    ]
