# SPDX-License-Identifier: Apache-2.0
"""Open the memory of a map from its folder."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from talk2dino_ros.engine.files.regular_files import user_path
from talk2dino_ros.engine.text.safe_text import safe_text
from talk2dino_ros.perception.memory.disk.keyframe_store import FILE, KeyframeStore
from talk2dino_ros.perception.memory.disk.store_lock import StoreError
from talk2dino_ros.perception.memory.spatial_memory import MAX_RANGE_M, SpatialMemory
from talk2dino_ros.perception.memory.voxel_map import CELL_M

SMALLEST_CELL_M, LARGEST_CELL_M = 0.01, 10.0


def add_folder_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the folder and the size of the voxels."""
    parser.add_argument("folder", type=Path, help="folder of a map, or one that contains the folders of maps")
    parser.add_argument("--map", default="", help="which map, if the folder holds several")
    add_voxel_argument(parser)


def add_voxel_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the size of the voxels."""
    parser.add_argument("--voxel-m", type=float, default=CELL_M, help=f"side of a voxel in metres (default: {CELL_M})")


def map_folders(folder: Path) -> list[Path]:
    """Return the folders of the maps: the folder itself, or those in it. Raises StoreError where there is none."""
    folder = user_path(folder)
    if os.path.isfile(folder / FILE):
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{FILE}"))
    if not found:
        raise StoreError(
            f"{folder} holds no memory, expected a folder with {FILE} in it, or with folders that have one; name "
            "the folder of the node memory's parameter `folder`, or build a memory by `talk2dino memory build`"
        )
    return found


@contextmanager
def one_memory(arguments: argparse.Namespace) -> Iterator[SpatialMemory]:
    """Open the one map that the arguments name; print what a person has to know of its file to stderr.

    Raises StoreError where there is none, or more than one, or where it cannot be opened.
    """
    folders = map_folders(arguments.folder)
    names = [folder.absolute().name for folder in folders]
    if arguments.map:
        folders = [folder for folder, name in zip(folders, names, strict=True) if name == arguments.map]
    if len(folders) != 1:
        asked = f"no map {arguments.map!r}" if arguments.map else f"{len(folders)} maps"
        raise StoreError(f"{arguments.folder} holds {asked}, expected one of {', '.join(names)}; name it by --map")
    with opened(folders[0], arguments.voxel_m) as memory:
        yield memory


@contextmanager
def opened(folder: Path, cell_m: float, *, max_range_m: float = MAX_RANGE_M) -> Iterator[SpatialMemory]:
    """Open a map's memory, with voxels of side cell_m metres. Raises StoreError."""
    if not SMALLEST_CELL_M <= cell_m <= LARGEST_CELL_M:
        raise StoreError(
            f"--voxel-m is {cell_m:g}, expected {SMALLEST_CELL_M:g} to {LARGEST_CELL_M:g} metres; set it so"
        )
    folder = user_path(folder).absolute()
    store = KeyframeStore(folder.parent, folder.name)
    try:
        memory = SpatialMemory(store, cell_m=cell_m, max_range_m=max_range_m)
        for notice in store.notices:
            print(f"warning: {safe_text(notice)}", file=sys.stderr)
        yield memory
    finally:
        store.close()
