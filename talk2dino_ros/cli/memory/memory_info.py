# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory info`: what memories there are, and how large."""

import argparse
import json
from typing import Any

from talk2dino_ros.cli.memory.opened_memory import add_folder_arguments, map_folders, opened
from talk2dino_ros.cli.memory.spoken_time import time_text
from talk2dino_ros.cli.tables import print_table
from talk2dino_ros.perception.memory.disk.store_lock import StoreError
from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory


def add_info_action(actions: "argparse._SubParsersAction[Any]") -> None:
    """Declare the action."""
    parser = actions.add_parser("info", help="list the memories in a folder: model, size, when")
    add_folder_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print a row for each map."""
    rows = []
    for folder in (folders := map_folders(arguments.folder)):
        if arguments.map in ("", folder.absolute().name):
            with opened(folder, arguments.voxel_m) as memory:
                rows.append(_row(memory))
    if not rows:
        known = ", ".join(folder.absolute().name for folder in folders)
        raise StoreError(
            f"{arguments.folder} holds no map {arguments.map!r}, expected one of {known}; name it, or leave --map out"
        )
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        print_table([tuple(rows[0]), *(tuple(map(_cell, row.values())) for row in rows)])


def _row(memory: SpatialMemory) -> dict[str, Any]:
    store, kind = memory.store, memory.store.kind
    stamps = [reach.stamp_ns for reach in memory.reaches.values()]
    return {
        "map": store.map_id,
        "model": kind.model if kind else None,
        "feature space": kind.feature_space if kind else None,
        "frame": kind.frame if kind else None,
        "keyframes": memory.keyframes,
        "voxels": len(memory.voxels),
        "bytes": store.bytes_on_disk(),
        "square metres": round(memory.floor_m2, 2),
        "first seen": time_text(min(stamps)) if stamps else None,
        "last seen": time_text(max(stamps)) if stamps else None,
        "damaged": len(store.damaged),
    }


def _cell(value: object) -> str:
    return "-" if value is None else str(value)
