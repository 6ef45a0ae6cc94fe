# SPDX-License-Identifier: Apache-2.0
"""`talk2dino segment`: segment photographs, videos, cameras and bags; write masks, overlays and tables."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talk2dino_ros.cli.files.file_run import FileRun, RunReport
from talk2dino_ros.cli.files.image_record import points_of
from talk2dino_ros.cli.files.image_sources import ImageSource, find_sources
from talk2dino_ros.cli.files.image_streams import count_images
from talk2dino_ros.cli.files.interruption import stoppable
from talk2dino_ros.cli.files.progress_bar import progress_bar
from talk2dino_ros.cli.files.result_folder import COCO, TABLE, ResultFolder, open_results
from talk2dino_ros.cli.files.result_tables import write_tables
from talk2dino_ros.cli.files.segment_arguments import (
    about_results,
    add_segment_arguments,
    image_topics,
    load_for,
    read_words,
    run_settings,
)
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from talk2dino_ros.cli.files.file_run import RunSettings
    from talk2dino_ros.cli.files.image_record import Record
    from talk2dino_ros.engine import Segmenter, Vocabulary
    from talk2dino_ros.perception.points_of_interest import PointOfInterest


def add_segment_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Declare the sub-command."""
    parser = commands.add_parser(
        "segment", help="segment photos, folders, videos, cameras and bags; continues where it was stopped"
    )
    parser.add_argument(
        "sources",
        nargs="+",
        help="photos, folders of them, patterns ('in/**/*.jpg'), videos, bags, a camera's number or URL; what "
        "cannot be read is skipped, named at the end, and gives status 1",
    )
    add_segment_arguments(parser, "segmented")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Segment every source; print the points of interest of pictures, and where the files are.

    Raises ImageError that names what was skipped, when all others are done.
    """
    settings = run_settings(arguments)  # a wrong number is said before the model is loaded
    found, left_out = find_sources(arguments.sources, image_topics(arguments))
    segmenter = load_for(arguments)
    vocabulary = read_words(arguments, segmenter)
    about = about_results(segmenter, vocabulary, settings, arguments.backend)
    with open_results(arguments.output, about, fresh=arguments.fresh) as folder:
        sources = folder.named(found)
        folder.forget_tables()
        report = _segmented(folder, sources, segmenter, vocabulary, settings)
        if report.is_stopped and not any(source.kind == "camera" for source in sources):
            raise KeyboardInterrupt
        write_tables(folder, {**vocabulary.labels(), **vocabulary.questions()})
    _tell(report, settings, vocabulary, arguments.output)
    if skipped := left_out + report.skipped:
        files = counted(len(sources) + len(left_out), "file was", "files were")
        raise ImageError(f"{len(skipped)} of {files} skipped:", *skipped)
    if report.is_stopped:
        raise KeyboardInterrupt


def _segmented(
    folder: ResultFolder,
    sources: Sequence[ImageSource],
    segmenter: Segmenter,
    vocabulary: Vocabulary,
    settings: RunSettings,
) -> RunReport:
    total = count_images(sources, settings.every)
    with stoppable() as is_stopped, progress_bar(total, "image") as bar:

        def on_record(source: ImageSource, record: Record, is_new: bool) -> None:
            bar.update()
            if is_new and not source.is_stream:
                for point in points_of(record):
                    bar.write(_point_line(source, point))

        job = FileRun(folder, segmenter, vocabulary, settings, on_record=on_record, is_stopped=is_stopped)
        report = job.run(sources)
    if report.is_stopped:
        done = f"{report.images} of {counted(total, 'image') if total else 'all images'}"
        print(f"stopped after {done}; the same command continues from there", file=sys.stderr)
    return report


def _point_line(source: ImageSource, point: PointOfInterest) -> str:
    return (
        f"{printable(Path(source.address).name)}: {printable(point.class_name)} at {point.pixel}, "
        f"confidence {point.confidence:.2f}, area {point.area_share:.1%}"
    )


def _tell(report: RunReport, settings: RunSettings, vocabulary: Vocabulary, output: Path) -> None:
    for flaw in report.flaws:
        print(f"warning: {printable(flaw)}", file=sys.stderr)
    if report.known:
        print(f"{counted(report.known, 'image')} had been segmented before, and not again")
    overlays = " and overlays" if settings.overlay else ""
    if report.images:
        print(f"masks (the class ids {vocabulary.labels()}){overlays} are in {output}, with {COCO} and {TABLE}")
