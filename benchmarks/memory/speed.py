# SPDX-License-Identifier: Apache-2.0
"""Measure the memory's speed and size: `python -m benchmarks.memory.speed`.

Seeded features in a building of rooms: what a keyframe takes to be remembered (disk included), what a start takes that
makes the voxels of 3,600 keyframes anew, what a find of ten words takes at 10 k, 100 k and 1 M voxels, and their bytes.
Processor time beside the time on the clock, as machines are busy. Writes to benchmarks/results/.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.machine import write_result
from talk2dino_ros.perception.memory import voxel_map
from talk2dino_ros.perception.memory.disk.keyframe_store import FILE, FeatureKind, KeyframeStore
from talk2dino_ros.perception.memory.keyframe import Keyframe, to_millimetres
from talk2dino_ros.perception.memory.place_finder import Search, Winners, find_places
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.memory.spatial_memory import SeenImage, SpatialMemory, compile_loops
from talk2dino_ros.perception.memory.voxel_map import VoxelMap
from talk2dino_ros.perception.memory.word_query import WordQuery

CELL_M, WORDS = 0.1, 10
ROOM_M, ROOMS = (5.0, 5.0, 2.5), 64
NUMBERS = ("keyframes", "rebuilt", "patches", "dimensions")
JPEG_BYTES = 45_000  # of a picture (remembered_view.py)
VOXELS = (10_000, 100_000, 1_000_000)


def main() -> None:
    """Measure all, print it, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--keyframes",
        type=int,
        default=100,
        help="number of keyframes that are remembered, all in one room (default: %(default)s)",
    )
    parser.add_argument(
        "--rebuilt",
        type=int,
        default=3600,
        help="number of keyframes of which a start makes voxels (default: %(default)s)",
    )
    parser.add_argument("--patches", type=int, default=1369, help="patches of an image (default: %(default)s)")
    parser.add_argument(
        "--dimensions", type=int, default=768, help="dimensions of a patch's features (default: %(default)s)"
    )
    parser.add_argument("--folder", type=Path, help="folder that keeps the store of the building (default: not kept)")
    parser.add_argument(
        "--only-rebuild", action="store_true", help="measure only the start, with a store that --folder has kept"
    )
    arguments = parser.parse_args()
    compile_loops()
    facts: dict[str, Any] = {name: value for name, value in vars(arguments).items() if name in NUMBERS}
    with tempfile.TemporaryDirectory() as folder:
        store = KeyframeStore(arguments.folder or Path(folder), "building")
        if not arguments.only_rebuild:
            facts |= remember_facts(store, arguments)
        facts |= rebuild_facts(store)
    if not arguments.only_rebuild:
        facts["queries"] = [query_facts(count, width) for width in (128, 256) for count in VOXELS]
    for name, value in facts.items():
        print(name, value)
    write_result("memory_rebuild" if arguments.only_rebuild else "memory_speed", facts)


def remember_facts(store: KeyframeStore, arguments: argparse.Namespace) -> dict[str, Any]:
    """Remember keyframes of one room, and write copies of them in the others."""
    random = np.random.default_rng(0)
    spectrum = random.normal(size=(arguments.dimensions, arguments.dimensions)) / np.arange(1, arguments.dimensions + 1)
    kind = FeatureKind("seeded", "seeded", arguments.dimensions, "map")
    memory, took = SpatialMemory(store, cell_m=CELL_M), []
    for number in range(arguments.keyframes):
        features = random.normal(size=(arguments.patches, arguments.dimensions)) @ spectrum.T
        took.append(timed(partial(memory.remember, seen_image(random, features, number), kind)))
    copy_to_other_rooms(store, kind, arguments.rebuilt)
    settled = took[len(took) // 2 :]  # the basis has grown by then
    return {
        "remember_cpu_ms_median": median_ms(settled, 0),
        "remember_clock_ms_median": median_ms(settled, 1),
        "remember_cpu_ms_most_while_the_basis_grows": round(1e3 * max(each[0] for each in took), 1),
    }


def rebuild_facts(store: KeyframeStore) -> dict[str, Any]:
    """Make all voxels from their keyframes, as a start does; close the store."""
    cpu, clock = time.process_time(), time.perf_counter()
    memory = SpatialMemory(store, cell_m=CELL_M)
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    store.close()
    return {
        "rebuilt_keyframes": memory.keyframes,
        "rebuild_clock_s": round(clock, 1),
        "rebuild_cpu_s_of_all_threads": round(cpu, 1),
        "rebuilt_voxels": len(memory.voxels),
        "megabytes_of_voxels": round(memory.nbytes / 1e6, 1),
        "kilobytes_per_keyframe": round((store.folder / FILE).stat().st_size / 1e3 / memory.keyframes, 1),
        "square_metres": round(memory.floor_m2, 1),
    }


def seen_image(random: np.random.Generator, features: np.ndarray, number: int) -> SeenImage:
    """Return an image from somewhere in the first room, of what is around: walls, floor and ceiling."""
    x, y = random.uniform(1, ROOM_M[0] - 1, 2).tolist()
    yaw = random.uniform(-math.pi, math.pi)
    base = SensorPose((x, y, 1.0), (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)))
    pose = base.after(SensorPose((0.0, 0.0, 0.0), (-0.5, 0.5, -0.5, 0.5)))
    count = len(features)
    rays = pose.rotation @ np.stack(
        [random.uniform(-0.7, 0.7, count), random.uniform(-0.5, 0.5, count), np.ones(count)]
    )
    ends = np.where(rays > 0, np.array(ROOM_M)[:, None], 0.0)
    reach = ((ends - np.array(pose.position)[:, None]) / rays).min(axis=0)
    points = np.array(pose.position) + (rays * reach).T
    centres = random.uniform(0, 640, (count, 2))
    return SeenImage(number * 10**9, "", pose, features, points, centres, (14.0, 14.0), random.bytes(JPEG_BYTES))


def copy_to_other_rooms(store: KeyframeStore, kind: FeatureKind, count: int) -> None:
    """Write the keyframes again, as if seen in other rooms of the same shape, until there are so many."""
    originals = [keyframe for _, keyframe in store]
    side = math.ceil(math.sqrt(ROOMS))
    for number in range(len(originals), count):
        keyframe, room = originals[number % len(originals)], 1 + number % (ROOMS - 1)
        x, y, z = keyframe.pose.position
        place = (x + room % side * ROOM_M[0], y + room // side * ROOM_M[1], z)
        store.add(keyframe.at(SensorPose(place, keyframe.pose.orientation)), kind)


def query_facts(count: int, width: int) -> dict[str, Any]:
    """Fill voxels with seeded features, and ask for ten words of which one in a hundred voxels is won."""
    random = np.random.default_rng(1)
    voxels = VoxelMap(CELL_M, width)
    codes = random.integers(-127, 128, (10_000, width)).astype(np.int8)
    scales = np.full(10_000, 1 / np.linalg.norm(codes[0].astype(float)), np.float32)
    side, number = (count * 1.02) ** (1 / 3) * CELL_M / 2, 0
    centre = SensorPose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    while len(voxels) < 0.97 * count:
        near = random.uniform(-side, side, (10_000, 3)).clip(-31, 31)
        empty = np.zeros((10_000, 2), np.uint16)
        with patch.object(voxel_map, "see_through", return_value=0):  # rays through a solid block would remove it
            voxels.add(Keyframe(number, "", centre, codes, scales, to_millimetres(near), empty), number)
        number += 1
    words = random.normal(size=(WORDS, width)).astype(np.float32)
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    best = voxels.features @ words[0]
    threshold = float(np.quantile(best, 0.99))
    query = WordQuery("word", words, 1 / (1 + np.exp(-threshold)), 10.0)
    everywhere = np.ones(len(voxels.keys), np.bool_)
    took = [
        timed(lambda: find_places(voxels, query, Winners.of(voxels, query, words), everywhere, Search(most=10)))
        for _ in range(7)
    ]
    return {
        "voxels": len(voxels),
        "coefficients": width,
        "find_clock_ms_median": median_ms(took, 1),
        "find_clock_ms_least": round(1e3 * min(each[1] for each in took), 1),
        "megabytes": round(voxels.nbytes / 1e6, 1),
    }


def timed(function: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds that a call takes: of this thread's processor time, and on the clock."""
    cpu, clock = time.thread_time(), time.perf_counter()
    function()
    return time.thread_time() - cpu, time.perf_counter() - clock


def median_ms(took: list[tuple[float, float]], which: int) -> float:
    """Return the median in milliseconds."""
    return round(1e3 * float(np.median([each[which] for each in took])), 1)


if __name__ == "__main__":
    main()
