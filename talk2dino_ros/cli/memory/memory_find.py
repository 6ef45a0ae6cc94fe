# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory find`: the places of a word, as a table, as a picture from above and as they were seen."""

from __future__ import annotations

import argparse
import json
import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from talk2dino_ros.cli.memory.opened_memory import add_folder_arguments, one_memory
from talk2dino_ros.cli.memory.place_values import place_values
from talk2dino_ros.cli.memory.spoken_time import time_text
from talk2dino_ros.cli.memory.word_question import add_question_arguments, ask
from talk2dino_ros.cli.tables import print_table
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.perception.memory.finding_sentence import finding_sentence
from talk2dino_ros.perception.memory.voxel_colours import voxel_colours
from talk2dino_ros.perception.memory.voxel_map import voxel_centres
from talk2dino_ros.perception.memory.word_query import scores_of
from talk2dino_ros.viz.pictures import UnwritableError, write_picture
from talk2dino_ros.viz.places.map_picture import MapContent, ShownPlace, draw_map
from talk2dino_ros.viz.places.view_sheet import Rgb, draw_views
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.perception.memory.place_finder import FoundPlace
    from talk2dino_ros.perception.memory.spatial_memory import Finding, SpatialMemory
    from talk2dino_ros.perception.memory.word_query import WordQuery

MOST = 10
_HEAD = (
    "place",
    "score",
    "margin",
    "sure",
    "evidence",
    "x",
    "y",
    "z",
    "size in m",
    "voxels",
    "images",
    "first seen",
    "last seen",
)


def add_find_action(actions: argparse._SubParsersAction[Any]) -> None:
    """Declare the action."""
    parser = actions.add_parser("find", help="find the places of a word: a table, a map, the views")
    add_folder_arguments(parser)
    parser.add_argument("word", metavar="WORD", help='a class as in a vocabulary: "mug", or "mug: mug, coffee cup"')
    add_question_arguments(parser)
    parser.add_argument("--max", type=int, default=MOST, help=f"at most this many places (default: {MOST})")
    parser.add_argument("--output", "-o", type=Path, help="folder for the map and the sheet of views")
    parser.add_argument("--json", action="store_true", help="print a JSON object instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print what is found, and draw it where --output names a folder; nothing found is an answer too."""
    with one_memory(arguments) as memory:
        query, finding = ask(memory, arguments.word, arguments, max(1, arguments.max))
        sentence = finding_sentence(query, finding, memory)
        pictures = _draw(memory, query, finding, sentence, arguments.output) if arguments.output else []
    places = [place_values(number, place) for number, (_, place) in enumerate(finding.places, 1)]
    if arguments.json:
        print(json.dumps(_answer(query, finding, sentence, places, pictures), indent=2))
        return
    if places:
        print_table([_HEAD, *map(_cells, places)])
    print(printable(sentence))
    for path in pictures:
        print(f"written to {path}")


def _answer(
    query: WordQuery, finding: Finding, sentence: str, places: list[dict[str, Any]], pictures: list[Path]
) -> dict[str, Any]:
    return {
        "class": query.name,
        "message": sentence,
        "best_score": finding.best_score,
        "best_margin": finding.best_margin,
        "best_evidence": finding.best_evidence,
        "places": places,
        "pictures": [str(path) for path in pictures],
    }


def _cells(place: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(place["place"]),
        f"{place['score']:.3f}",
        f"{place['margin']:.3f}",
        f"{place['confidence']:.0%}",
        f"{place['evidence']:.2f}",
        *(f"{value:.2f}" for value in place["position"]),
        " x ".join(f"{value:.1f}" for value in place["extent"]),
        str(place["voxels"]),
        str(place["detections"]),
        place["first_seen"],
        place["last_seen"],
    )


def _draw(memory: SpatialMemory, query: WordQuery, finding: Finding, sentence: str, folder: Path) -> list[Path]:
    """Write the pictures; return their paths: no views where no place is, or none has a picture."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableError(f"{folder} cannot be made ({error.strerror}), expected a folder; name another") from error
    stem = re.sub(r"[^\w-]+", "_", query.name)[:60]
    above = folder / f"{stem}_from_above.png"
    write_picture(above, _from_above(memory, query, finding, sentence))
    views = _views(memory, finding)
    if not views:
        return [above]
    sheet = folder / f"{stem}_views.jpg"
    write_picture(sheet, draw_views(views, sentence))
    return [above, sheet]


def _from_above(memory: SpatialMemory, query: WordQuery, finding: Finding, sentence: str) -> Rgb:
    there = memory.voxels.columns["detections"] > 0
    content = MapContent(
        voxel_centres(memory.voxels.keys[there], memory.cell_m),
        voxel_colours(memory)[there],
        scores_of(memory.compare(query).best)[there],
        memory.cell_m,
        np.array([keyframe.pose.position for _, keyframe in memory.store]).reshape(-1, 3),
    )
    return draw_map(content, [_shown(query.name, place) for _, place in finding.places], sentence)


def _shown(name: str, place: FoundPlace) -> ShownPlace:
    at = ", ".join(f"{value:.2f}" for value in place.position)
    seen = (
        f"seen in {place.detections} {'image' if place.detections == 1 else 'images'}, last {time_text(place.last_ns)}"
    )
    return ShownPlace(place.position, place.extent, (f"{name}, sure by {place.confidence:.0%}, at ({at})", seen))


def _views(memory: SpatialMemory, finding: Finding) -> list[tuple[str, Rgb]]:
    """Return the picture of each place, outlined; of a place without one none."""
    views = []
    for number, (place_id, place) in enumerate(finding.places, 1):
        try:
            picture, keyframe = memory.view(place_id)
        except ImageError:
            continue
        text = f"{number}   sure by {place.confidence:.0%}, seen {time_text(keyframe.stamp_ns)}"
        views.append((text, np.asarray(Image.open(BytesIO(picture.jpeg)).convert("RGB"))))
    return views
