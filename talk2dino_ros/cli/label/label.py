# SPDX-License-Identifier: Apache-2.0
"""`talk2dino label`: segment many bags, videos and folders by the workers of a Ray cluster, with a manifest of all."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talk2dino_ros.cli.files.image_sources import find_sources
from talk2dino_ros.cli.files.progress_bar import progress_bar
from talk2dino_ros.cli.files.result_folder import MANIFEST
from talk2dino_ros.cli.files.result_writer import make_folder
from talk2dino_ros.cli.files.segment_arguments import (
    THREADS,
    about_results,
    add_segment_arguments,
    check_number,
    image_topics,
    load_for,
    read_words,
    run_settings,
)
from talk2dino_ros.cli.label.label_manifest import check_labels, write_label_manifest
from talk2dino_ros.cli.label.label_unit import LabelUnit, label_units
from talk2dino_ros.cli.label.label_worker import LabelWorker
from talk2dino_ros.engine.cluster.ray_cluster import LOCAL, Row, done_by_cluster, import_ray
from talk2dino_ros.engine.errors import ClusterError
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter, Vocabulary


def add_label_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Declare the sub-command."""
    parser = commands.add_parser(
        "label", help="segment a fleet's bags, videos and folders on a Ray cluster; continues where it was stopped"
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="bags, videos, folders of photos, patterns such as 'fleet/*.mcap'",
    )
    parser.add_argument(
        "--ray",
        default=LOCAL,
        metavar="ADDRESS",
        help="address of a cluster, auto for this machine's, or local (default)",
    )
    parser.add_argument(
        "--workers", type=int, default=0, help="at most this many; 0: one for each GPU, or for each core without GPUs"
    )
    parser.add_argument("--retries", type=int, default=2, help="how often a failed source is tried again (2)")
    add_segment_arguments(parser, "labelled")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Label every source, write the manifest, and say what was lost.

    Raises ClusterError that names what failed, ResultsError where the output has labels of something else.
    """
    run_settings(arguments)  # a wrong number is said before the model is loaded
    for name in ("workers", "retries"):
        check_number(arguments, name, 0)
    import_ray()
    found, left_out = find_sources(arguments.sources, image_topics(arguments))
    units = label_units(found)
    segmenter = load_for(arguments)
    settings = run_settings(arguments, 0 if segmenter.device == "cpu" else THREADS)  # a worker on a CPU has one core
    vocabulary = read_words(arguments, segmenter)
    about_of = partial(_about, vocabulary=vocabulary, arguments=arguments)
    about = about_of(segmenter)
    del segmenter  # a GPU of this machine is the workers'
    make_folder(arguments.output)
    if not arguments.fresh:
        check_labels(arguments.output, about, units)  # before any worker adds to what is of other words
    worker = (partial(load_for, arguments, with_words=False), about_of, about, vocabulary, settings)
    try:
        rows = _labelled([_row(unit, arguments) for unit in units], worker, arguments)
    except KeyboardInterrupt:
        print("stopped; what is done is kept, and the same command continues from there", file=sys.stderr)
        raise
    told = {
        row["name"]: {"images": row["done"] + row["known"], "lost": row["lost"], "error": row["error"]} for row in rows
    }
    write_label_manifest(arguments.output, about, units, told)
    _tell(rows, left_out, arguments.output)


def _labelled(rows: list[Row], worker: tuple[Any, ...], arguments: argparse.Namespace) -> list[Row]:
    """Return what became of each row; those that failed are tried again, by whatever worker."""
    done: dict[str, Row] = {}
    with progress_bar(len(rows), "source") as bar:
        for _ in range(1 + arguments.retries):
            left = [row for row in rows if row["name"] not in done or done[row["name"]]["error"]]
            if not left:
                break
            with closing(
                done_by_cluster(arguments.ray, LabelWorker, lambda _: worker, left, most=arguments.workers)
            ) as work:
                for row in work:
                    done[row["name"]] = row
                    if not row["error"]:
                        bar.update()
    return [done[row["name"]] for row in rows]


def _row(unit: LabelUnit, arguments: argparse.Namespace) -> Row:
    folder = str((arguments.output / unit.name).resolve())
    return {"name": unit.name, "sources": unit.to_json(), "folder": folder, "fresh": arguments.fresh}


def _about(segmenter: Segmenter, vocabulary: Vocabulary, arguments: argparse.Namespace) -> dict[str, Any]:
    about = about_results(segmenter, vocabulary, run_settings(arguments), arguments.backend)
    return {name: value for name, value in about.items() if name != "device"}  # cuda:0 here, cuda:1 there


def _tell(rows: Sequence[Row], left_out: Sequence[str], output: Path) -> None:
    for row in rows:
        for sentence in row["lost"]:
            print(f"warning: {row['name']}: {printable(sentence)}", file=sys.stderr)
    done, known = (sum(row[name] for row in rows) for name in ("done", "known"))
    before = f", and {known} had been before" if known else ""
    labelled = f"{counted(done, 'image')} of {counted(len(rows), 'source')}"
    print(f"labelled {labelled}{before}; {output / MANIFEST} lists all files with sums")
    failed = [*left_out, *(row["error"] for row in rows if row["error"])]
    if failed:
        raise ClusterError(
            f"{len(failed)} of {counted(len(rows) + len(left_out), 'source')} failed; the same command tries them "
            "again:",
            *failed,
        )
