# SPDX-License-Identifier: Apache-2.0
"""Measure the confidence of regions that a costmap is to mark and of others: in the rooms of `make demo-nav`.

    python -m benchmarks.costmap_confidence [--rooms 4] [--vocabulary indoor] [--refine none]

Looks at each photograph of each room from straight before it, at several distances, with a shipped vocabulary. A region
of a class is right where its photograph shows that class, and wrong anywhere else. Prints for each class the mean
confidences (of 255) of both; writes results/costmap_confidence_<date>.json. `mark_confidence` of
nav2_layer.py and `new_confidence` are chosen by it.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from benchmarks.machine import write_result

CONFIG = Path(__file__).resolve().parents[1] / "config"
SHOWS = {"astronaut": "person", "grace_hopper": "person", "chelsea": "pet", "coffee": "cup"}
DISTANCES_M = (1.0, 1.5, 2.0, 2.5, 3.0)
Table = dict[str, dict[str, list[int]]]


@dataclass(frozen=True)
class RenderedView:
    """A photograph from straight before it; width, height: the board's in pixels, around the image's middle."""

    photo: str
    distance_m: float
    width: float
    height: float
    rgb: npt.NDArray[np.uint8]


def main() -> None:
    """Draw in a process of its own (see benchmarks/nav/sim_world.py), segment in this one, write the result."""
    parser = argparse.ArgumentParser(description="Confidences of what a costmap marks.")
    parser.add_argument("--rooms", type=int, default=4, help="number of rooms (default: %(default)s)")
    parser.add_argument(
        "--distances", type=float, nargs="+", default=DISTANCES_M, help="metres between camera and object"
    )
    parser.add_argument("--vocabulary", default="indoor", help="indoor, outdoor or warehouse (default: %(default)s)")
    parser.add_argument("--model", default="mini", help="model name (default: %(default)s)")
    parser.add_argument(
        "--refine", default="none", choices=("none", "pamr"), help="refinement of the masks (default: %(default)s)"
    )
    parser.add_argument("--draw", type=Path, help="only draw the newest result into this file")
    arguments = parser.parse_args()
    if arguments.draw:
        draw(arguments.draw, arguments.rooms, arguments.distances)
        return
    with tempfile.TemporaryDirectory() as folder:
        views = views_of(Path(folder) / "looks.npz", arguments.rooms, arguments.distances)
    table = confidences(views, arguments.vocabulary, arguments.model, arguments.refine)
    print(f"| class | right: regions, least, median | wrong: regions, median, most |\n|---|---|---|\n{rows(table)}")
    facts = {name: value for name, value in vars(arguments).items() if name != "draw"}
    write_result("costmap_confidence", {**facts, "views": len(views), "mean_confidence_of_regions": table})


def draw(path: Path, rooms: int, distances: list[float]) -> None:
    """Draw what a robot sees that stands before each board of each room."""
    from benchmarks.nav.room import PHOTOS, furnish
    from benchmarks.nav.sim_world import World, aspects, focal_length

    pictures, facts = [], []
    for seed in range(1, rooms + 1):
        room = furnish(seed, aspects(PHOTOS))
        world = World(room)
        for board in room.boards:
            for distance in distances:
                pixels_per_m = focal_length() / distance
                pictures.append(world.render(board.before(distance))[0].copy())
                facts.append((board.photo, distance, board.width * pixels_per_m, board.height * pixels_per_m))
        world.close()
    np.savez(path, rgb=np.stack(pictures), facts=np.array(facts))


def views_of(path: Path, rooms: int, distances: list[float]) -> list[RenderedView]:
    """Have it drawn, and read it."""
    options = ["--rooms", str(rooms), "--distances", *map(str, distances), "--draw", str(path)]
    subprocess.run([sys.executable, "-m", __spec__.name, *options], check=True)
    with np.load(path) as file:
        pairs = zip(file["facts"], file["rgb"], strict=True)
        return [
            RenderedView(str(photo), float(distance), float(width), float(height), rgb)
            for (photo, distance, width, height), rgb in pairs
        ]


def confidences(views: list[RenderedView], name: str, model: str, refine: str) -> Table:
    """Return for each class the mean confidences, 0..255, of its regions that are right, and that are wrong."""
    from talk2dino_ros.cli.model_arguments import with_threshold
    from talk2dino_ros.engine import load_segmenter
    from talk2dino_ros.perception.points_of_interest import find_points

    (section,) = yaml.safe_load((CONFIG / f"vocabulary_{name}.yaml").read_text()).values()
    segmenter = with_threshold(load_segmenter(model, refine=refine), -1.0)
    vocabulary = segmenter.encode_vocabulary(section["ros__parameters"]["vocabulary"])
    table: Table = {}
    for render in views:
        seen = segmenter.segment(render.rgb, vocabulary)
        for point in find_points(seen.class_ids, seen.confidence, vocabulary.labels()):
            is_right = SHOWS.get(render.photo) == point.class_name and is_on_board(point.pixel, render)
            kinds = table.setdefault(point.class_name, {"right": [], "wrong": []})
            kinds["right" if is_right else "wrong"].append(round(255 * point.confidence))
    return dict(sorted(table.items()))


def is_on_board(pixel: tuple[int, int], render: RenderedView) -> bool:
    """Whether a pixel is of the photograph that is looked at."""
    height, width, _ = render.rgb.shape
    return bool(abs(pixel[0] - width / 2) < render.width / 2 and abs(pixel[1] - height / 2) < render.height / 2)


def rows(table: Table) -> str:
    """Return a line of figures for each class."""
    lines = []
    for name, kinds in table.items():
        right, wrong = (np.array(kinds[kind]) for kind in ("right", "wrong"))
        of_right = f"{len(right)}, {right.min()}, {np.median(right):.0f}" if len(right) else "0"
        of_wrong = f"{len(wrong)}, {np.median(wrong):.0f}, {wrong.max()}" if len(wrong) else "0"
        lines.append(f"| {name} | {of_right} | {of_wrong} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
