# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory export`: voxels as PLY, places as GeoJSON."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from talk2dino_ros.cli.memory.opened_memory import add_folder_arguments, one_memory
from talk2dino_ros.cli.memory.place_values import place_values
from talk2dino_ros.cli.memory.word_question import add_question_arguments, ask
from talk2dino_ros.cli.memory.written_file import write_file
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.perception.memory.spatial_memory import MOST_PLACES
from talk2dino_ros.perception.memory.voxel_colours import voxel_colours
from talk2dino_ros.perception.memory.voxel_map import voxel_centres
from talk2dino_ros.perception.memory.word_query import scores_of
from talk2dino_ros.viz.explain.heat import Scale, heat

if TYPE_CHECKING:
    from talk2dino_ros.perception.memory.place_finder import FoundPlace
    from talk2dino_ros.perception.memory.spatial_memory import Finding, SpatialMemory
    from talk2dino_ros.perception.memory.word_query import WordQuery

VOXEL = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")])
SCORED_VOXEL = np.dtype([*VOXEL.descr, ("score", "<f4")])
_PLY_NAMES = {"f4": "float", "u1": "uchar"}
ENDINGS = (".ply", ".geojson")
COLOURS = ("rgb", "score")


def add_export_action(actions: argparse._SubParsersAction[Any]) -> None:
    """Declare the action."""
    parser = actions.add_parser("export", help="write voxels as PLY, and the places of a word as GeoJSON")
    add_folder_arguments(parser)
    parser.add_argument("word", metavar="WORD", nargs="?", default="", help="a class, as for find; GeoJSON needs one")
    add_question_arguments(parser)
    parser.add_argument("--colour", choices=COLOURS, help="colour of the voxels (default: score if there is a word)")
    parser.add_argument(
        "--output", "-o", type=Path, nargs="+", required=True, metavar="FILE", help="files ending in .ply or .geojson"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Write the files and print what is in them. Raises ImageError for an ending that has no format."""
    for path in arguments.output:
        _check_ending(path, arguments.word)
    if arguments.colour == "score" and not arguments.word:
        raise ImageError(
            "--colour score was asked for without a word, expected one; name it behind the folder, or take rgb"
        )
    with one_memory(arguments) as memory:
        asked = ask(memory, arguments.word, arguments, MOST_PLACES) if arguments.word else None
        colour = arguments.colour or ("score" if asked else "rgb")
        for path in arguments.output:
            if path.suffix.lower() == ".ply":
                voxels = _voxels(memory, asked[0] if asked else None, colour)
                write_file(path, to_ply(voxels, _comment(memory)))
                print(f"{path}: {counted(len(voxels), 'voxel')}, coloured by {colour}")
            elif asked:
                write_file(path, to_geojson(*asked, memory))
                print(f"{path}: {counted(len(asked[1].places), 'place')} of '{asked[0].name}'")


def _check_ending(path: Path, word: str) -> None:
    if path.suffix.lower() not in ENDINGS:
        raise ImageError(f"{path} has an ending of no format, expected {' or '.join(ENDINGS)}; name another")
    if path.suffix.lower() == ".geojson" and not word:
        raise ImageError(
            f"{path} was asked for without a word, expected one, whose places it holds; name it behind the folder"
        )


def _voxels(memory: SpatialMemory, query: WordQuery | None, colour: str) -> np.ndarray[Any, np.dtype[np.void]]:
    """Return VOXEL [N] of those that are there; SCORED_VOXEL with a word."""
    there = memory.voxels.columns["detections"] > 0
    voxels = np.empty(int(there.sum()), SCORED_VOXEL if query else VOXEL)
    voxels["x"], voxels["y"], voxels["z"] = voxel_centres(memory.voxels.keys[there], memory.cell_m).T
    colours = voxel_colours(memory)[there] if colour == "rgb" else np.zeros((len(voxels), 3), np.uint8)
    if query and len(voxels):
        voxels["score"] = scores_of(memory.compare(query).best)[there]
        if colour == "score":
            colours = heat(voxels["score"][None], Scale.of(voxels["score"]))[0]
    voxels["red"], voxels["green"], voxels["blue"] = colours.T
    return voxels


def _comment(memory: SpatialMemory) -> str:
    frame = memory.store.kind.frame if memory.store.kind else ""
    return f"voxels of {memory.cell_m:g} m of the map {memory.store.map_id}, metres in the frame {frame}"


def to_ply(voxels: np.ndarray[Any, np.dtype[np.void]], comment: str) -> bytes:
    """Return a binary PLY file of points, a property for each field."""
    kinds = [(name, voxels.dtype[name].str[1:]) for name in voxels.dtype.names or ()]
    properties = [f"property {_PLY_NAMES[kind]} {name}" for name, kind in kinds]
    lines = ["ply", "format binary_little_endian 1.0", f"comment {' '.join(comment.split())}"]
    lines += [f"element vertex {len(voxels)}", *properties, "end_header", ""]
    return "\n".join(lines).encode() + voxels.tobytes()


def to_geojson(query: WordQuery, finding: Finding, memory: SpatialMemory) -> bytes:
    """Return a FeatureCollection: a point for each place, in metres of the map's frame, not in degrees."""
    frame = memory.store.kind.frame if memory.store.kind else ""
    features = [_feature(number, query.name, place) for number, (_, place) in enumerate(finding.places, 1)]
    collection = {"type": "FeatureCollection", "map": memory.store.map_id, "frame": frame, "units": "m"}
    return json.dumps({**collection, "features": features}, indent=2).encode()


def _feature(number: int, name: str, place: FoundPlace) -> dict[str, Any]:
    values = place_values(number, place)
    point = {"type": "Point", "coordinates": values.pop("position")}
    return {"type": "Feature", "geometry": point, "properties": {"class": name, **values}}
