# SPDX-License-Identifier: Apache-2.0
"""`talk2dino calibrate`: propose each class's threshold from pictures that lack it, and say what that promises."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talk2dino_ros.cli.calibration.picture_truths import known_truths
from talk2dino_ros.cli.class_words import YAML_SUFFIXES, classes_in
from talk2dino_ros.cli.files.progress_bar import progress_bar
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
from talk2dino_ros.cli.tables import print_table
from talk2dino_ros.engine.errors import ImageError, VocabularyError
from talk2dino_ros.engine.files.atomic_write import file_to_replace, write_atomically
from talk2dino_ros.engine.options import INPUTS, REFINEMENTS
from talk2dino_ros.engine.text.class_entries import ClassEntry, parse_classes
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.viz.pictures import read_picture
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.cli.calibration.picture_truths import Truths
    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.engine.evaluate.calibration import ClassCalibration

Peaks = dict[Path, list[float]]  # of each picture one per class, see `class_peaks`


def add_calibrate_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Declare the sub-command."""
    parser = commands.add_parser("calibrate", help="propose a threshold for each class, from pictures without it")
    parser.add_argument(
        "pictures", nargs="*", help="pictures, folders of them or patterns that show none of the classes"
    )
    parser.add_argument("--classes", required=True, help="words as for segment, or a parameter file (.yaml) with words")
    parser.add_argument(
        "--with",
        dest="having",
        action="append",
        default=[],
        metavar="CLASS=PICTURES",
        help="pictures, a folder or a pattern that show the class, such as mug=mugs/; may be repeated",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help=(
            "file with the columns `picture` (path from the file's folder) and `classes` (all that it shows, with "
            "';' between)"
        ),
    )
    parser.add_argument(
        "--false-alarms",
        type=float,
        default=0.01,
        metavar="SHARE",
        help="share of the pictures without a class that may show it (%(default)g)",
    )
    parser.add_argument(
        "--min-area",
        type=float,
        default=0.002,
        metavar="SHARE",
        help="share of a picture's pixels from which it shows a class, like the node's min_area_share (%(default)g)",
    )
    add_model_arguments(parser)
    parser.add_argument("--input", default="square", choices=INPUTS, help=INPUT_HELP)
    parser.add_argument("--input-size", type=int, default=0, help="pixels of the network's input; 0: the model's own")
    parser.add_argument("--refine", default="none", choices=REFINEMENTS, help=REFINE_HELP)
    parser.add_argument("--background-cleaning", action="store_true", help=CLEANING_HELP)
    add_threshold_argument(parser, "common threshold, below which none is proposed")
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        default=Path("thresholds.yaml"),
        help="parameter file for vocabulary:= and --classes, with a plot beside it (default: thresholds.yaml)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure every picture, choose, write the file and its plot, print the table.

    Raises ImageError that names the pictures which could not be read, when all others are done.
    """
    _check(arguments)
    entries = parse_classes(classes_in(arguments.classes))
    names = [entry.name for entry in entries if not entry.distractor]
    truths = known_truths(names, arguments.pictures, arguments.labels, arguments.having)
    # with torch, which `--help` need not wait for, nor a wrong name
    from talk2dino_ros.cli.calibration.calibration_report import parameter_file, promise, table_rows

    segmenter = _load(arguments)
    peaks, skipped = _peaks(segmenter, entries, sorted(truths), arguments.min_area)
    calibrated = _calibrated(entries, truths, peaks, arguments.false_alarms, segmenter.options.background)
    about = ", ".join([segmenter.model.name, segmenter.options.input, f"refine {segmenter.options.refine}"])
    output, rate = arguments.output, arguments.false_alarms
    write_atomically(output, parameter_file(entries, calibrated, about, rate).encode())
    print_table(table_rows(calibrated))
    print(promise(calibrated, rate))
    _draw(
        output.with_suffix(".png"),
        calibrated,
        f"{about}: false alarms in at most {100 * rate:g} % of the pictures without it",
    )
    print(f"written to {output}, for vocabulary:={output} and --classes {output}")
    if skipped:
        raise ImageError(f"{len(skipped)} of {counted(len(truths), 'picture was', 'pictures were')} skipped:", *skipped)


def _check(arguments: argparse.Namespace) -> None:
    """Raise VocabularyError, before anything is computed, for a share that is none and a file that cannot be."""
    for name in ("false_alarms", "min_area"):
        if not 0 < getattr(arguments, name) < 1:
            raise VocabularyError(
                f"--{name.replace('_', '-')} is {getattr(arguments, name)}, expected a share between 0 and 1, such as "
                "0.01 for one in a hundred; correct it"
            )
    path = arguments.output
    try:
        file_to_replace(path)
        is_place = path.parent.is_dir() and path.suffix in YAML_SUFFIXES
    except OSError:
        is_place = False
    if not is_place:
        raise VocabularyError(
            f"{path} could not be written, expected a name that ends in .yaml in an existing folder; name another"
        )


def _load(arguments: argparse.Namespace) -> Segmenter:
    from talk2dino_ros.engine import load_segmenter

    segmenter = load_segmenter(arguments.model, **model_choices(arguments), **option_choices(arguments))
    return with_threshold(segmenter, arguments.background)


def _peaks(
    segmenter: Segmenter, entries: Sequence[ClassEntry], pictures: Sequence[Path], min_area: float
) -> tuple[Peaks, list[str]]:
    """Return each picture's peaks, and a sentence on each that could not be read."""
    from talk2dino_ros.engine.inference.class_peaks import class_peaks

    vocabulary = segmenter.encode_vocabulary([entry.text for entry in entries])
    for warning in vocabulary.warnings:
        print(f"warning: {printable(warning)}")
    found, skipped = {}, []
    with progress_bar(len(pictures), "picture") as bar:
        for path in pictures:
            try:
                found[path] = class_peaks(segmenter, read_picture(path), vocabulary, min_area).tolist()
            except ImageError as error:
                skipped.append(str(error))
            bar.update()
    return found, skipped


def _calibrated(
    entries: Sequence[ClassEntry], truths: Truths, peaks: Peaks, false_alarms: float, least: float | None
) -> list[ClassCalibration]:
    from talk2dino_ros.engine.evaluate.calibration import calibrate_class

    calibrated = []
    for number, entry in enumerate(entries):
        if not entry.distractor:
            sides: dict[bool, list[float]] = {False: [], True: []}
            for path, own in peaks.items():
                if entry.name in truths[path]:
                    sides[truths[path][entry.name]].append(own[number])
            calibrated.append(calibrate_class(entry, sides[False], sides[True], false_alarms, least))
    return calibrated


def _draw(path: Path, calibrated: Sequence[ClassCalibration], title: str) -> None:
    """Draw the plot; the thresholds are written already, so that a failure is a warning."""
    from talk2dino_ros.viz.threshold_plot import draw_thresholds

    try:
        draw_thresholds(path, calibrated, title)
        print(f"drawn in {path}")
    except ImportError as error:
        print(f"{path} is not drawn: {error}, expected Matplotlib; pip install matplotlib and run again")
    except OSError as error:
        print(f"{path} is not drawn: {error}")
