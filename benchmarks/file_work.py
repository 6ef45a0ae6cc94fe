# SPDX-License-Identifier: Apache-2.0
"""Measure what threads bring to `talk2dino segment`, and a second worker to `talk2dino label`.

`python -m benchmarks.file_work threads|workers`. Both ways run in turn, round after round, in one process and over the
same files; only their ratio counts where something else uses the machine. Writes to benchmarks/results/.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import cv2

from benchmarks.machine import write_result
from talk2dino_ros.cli.files.file_run import FileRun, RunSettings
from talk2dino_ros.cli.files.image_sources import ImageSource, find_sources
from talk2dino_ros.cli.files.result_folder import open_results
from talk2dino_ros.cli.label.label_unit import label_units
from talk2dino_ros.cli.label.label_worker import LabelWorker
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine import Segmenter, load_segmenter
from talk2dino_ros.engine.cluster.ray_cluster import LOCAL, done_by_cluster
from talk2dino_ros.ros.bags.bag_topics import TopicNames
from talk2dino_ros.viz.pictures import read_picture, write_picture

WORDS = ["cat", "coffee cup", "person", "rocket", "raccoon"]
Times = dict[str, list[float]]


def main() -> None:
    """Measure one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what",
        choices=("threads", "workers"),
        help="compare threads of segment, or workers of label",
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds, in which each way has its turn (default: %(default)s)"
    )
    parser.add_argument(
        "--images",
        type=int,
        default=12,
        help="number of images: in all for threads, in each of four folders for workers (default: %(default)s)",
    )
    parser.add_argument(
        "--width", type=int, default=4000, help="width in pixels of the pictures for threads (default: %(default)s)"
    )
    parser.add_argument("--note", default="", help="what else used the machine")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.what == "threads":
            facts = measure_threads(Path(folder), arguments.rounds, arguments.images, arguments.width)
        else:
            facts = measure_workers(Path(folder), arguments.rounds, arguments.images)
    print("\n".join(f"{name}: {value}" for name, value in facts.items()))
    size = f"_{arguments.width}" if arguments.what == "threads" else ""
    write_result(f"file_{arguments.what}{size}_mini", {"model": "mini", "note": arguments.note, **facts})


def measure_threads(folder: Path, rounds: int, images: int, width: int) -> dict[str, Any]:
    """Segment photographs with no threads and with two that read and two that write."""
    sources = write_photos(folder / "in", images, width)
    segmenter = load_segmenter("mini", device="cpu")
    vocabulary = segmenter.encode_vocabulary(WORDS)

    def segment(threads: int) -> None:
        with open_results(folder / "out", {"threads": threads}, fresh=True) as results:
            FileRun(results, segmenter, vocabulary, RunSettings(threads)).run(sources)

    times = in_turn({"no threads": partial(segment, 0), "two and two": partial(segment, 2)}, rounds)
    return {"images": len(sources), "width": width} | ratio_of(times, "no threads", "two and two")


def measure_workers(folder: Path, rounds: int, images: int) -> dict[str, Any]:
    """Label folders of small photographs by one worker of a Ray cluster on this machine, and by two."""
    sources = [source for number in range(4) for source in write_photos(folder / f"in{number}", images, 640)]
    segmenter = load_segmenter("mini", device="cpu")
    vocabulary = segmenter.encode_vocabulary(WORDS)
    first_s: Times = {"one worker": [], "two workers": []}

    def label(workers: int, name: str) -> None:
        start = time.monotonic()
        rows = [
            {"name": unit.name, "sources": unit.to_json(), "folder": str(folder / unit.name), "fresh": True}
            for unit in label_units(sources)
        ]
        worker: tuple[Any, ...] = (open_model, about, {}, vocabulary, RunSettings(1))
        done = []
        with closing(done_by_cluster(LOCAL, LabelWorker, lambda _: worker, rows, most=workers)) as work:
            for row in work:
                done.append(time.monotonic() - start)
                if row["error"]:
                    raise SystemExit(row["error"])
        first_s[name].append(round(done[0], 2))

    ways = {name: partial(label, count, name) for count, name in ((1, "one worker"), (2, "two workers"))}
    times = in_turn(ways, rounds)
    facts = {"images": len(sources), "folders": 4, "cores_of_a_worker": 1, "first_folder_s": first_s}
    return facts | ratio_of(times, "one worker", "two workers")


def open_model() -> Segmenter:
    """Open a worker's model, whose threads Ray limits to the worker's one core."""
    return load_segmenter("mini", device="cpu", needs_text_encoder=False)


def about(_segmenter: Segmenter) -> dict[str, Any]:
    """Return nothing that could differ."""
    return {}


def write_photos(folder: Path, count: int, width: int) -> list[ImageSource]:
    """Write so many photographs of a width, each a little different, as JPEG."""
    folder.mkdir()
    photos = [read_picture(path) for path in sorted(PHOTOS.glob("*.jpg"))]
    for number in range(count):
        rgb = photos[number % len(photos)]
        size = (width, round(width * rgb.shape[0] / rgb.shape[1]))
        large = cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC)
        write_picture(folder / f"{number:03d}.jpg", large[:, ::-1].copy() if number // len(photos) % 2 else large)
    return [
        ImageSource(each.kind, each.address, "", Path(each.address).stem)
        for each in find_sources([str(folder)], TopicNames())[0]
    ]


def in_turn(ways: Mapping[str, Callable[[], object]], rounds: int) -> Times:
    """Return the seconds of each way in each round, without the first, in which caches fill."""
    times: Times = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, run in ways.items():
            start = time.monotonic()
            run()
            times[name].append(round(time.monotonic() - start, 2))
    return {name: own[1:] for name, own in times.items()}


def ratio_of(times: Times, slow: str, fast: str) -> dict[str, Any]:
    """Return the times and how many times faster the one way is, each round by itself."""
    ratios = [one / other for one, other in zip(times[slow], times[fast], strict=True)]
    return {"seconds": times, "ratios": [round(ratio, 2) for ratio in ratios], "faster_by": round(median(ratios), 2)}


if __name__ == "__main__":
    main()
