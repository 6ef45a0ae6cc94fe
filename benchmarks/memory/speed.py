# SPDX-License-Identifier: Apache-2.0
"""Measure the memory's speed and size: `python -m benchmarks.memory.speed`.

Seeded features in a large hall, each patch in front of a wall: what a keyframe takes to be remembered (disk included),
what a rebuild takes for each, what a find of ten words takes at 10 k, 100 k and 1 M voxels, and their bytes.
Processor time of one thread beside the time on the clock, as machines are busy. Writes to benchmarks/results/.
"""

import argparse
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
from talk2dino_ros.perception.memory.disk.keyframe_store import FeatureKind, KeyframeStore
from talk2dino_ros.perception.memory.keyframe import Keyframe, to_millimetres
from talk2dino_ros.perception.memory.place_finder import Winners, find_places
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.memory.spatial_memory import SeenImage, SpatialMemory, compile_loops
from talk2dino_ros.perception.memory.voxel_map import VoxelMap
from talk2dino_ros.perception.memory.word_query import WordQuery

CELL_M, WORDS = 0.1, 10
VOXELS = (10_000, 100_000, 1_000_000)


def main() -> None:
    """Measure all, print it, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keyframes", type=int, default=100)
    parser.add_argument("--patches", type=int, default=1369, help="of an image: 37 x 37 of 518 pixels")
    parser.add_argument("--dimensions", type=int, default=768)
    arguments = parser.parse_args()
    compile_loops()
    facts: dict[str, Any] = {**vars(arguments), **keyframe_facts(arguments)}
    facts["queries"] = [query_facts(count, width) for width in (128, 256) for count in VOXELS]
    for name, value in facts.items():
        print(name, value)
    write_result("memory_speed", facts)


def keyframe_facts(arguments: argparse.Namespace) -> dict[str, Any]:
    """Remember keyframes in a store of a folder for the time, and make the voxels anew from it."""
    random = np.random.default_rng(0)
    spectrum = random.normal(size=(arguments.dimensions, arguments.dimensions)) / np.arange(1, arguments.dimensions + 1)
    kind = FeatureKind("seeded", "seeded", arguments.dimensions, "map")
    with tempfile.TemporaryDirectory() as folder:
        store = KeyframeStore(Path(folder), "hall")
        memory = SpatialMemory(store, cell_m=CELL_M)
        took = []
        for number in range(arguments.keyframes):
            features = random.normal(size=(arguments.patches, arguments.dimensions)) @ spectrum.T
            seen = seen_image(random, features, number)
            took.append(timed(partial(memory.remember, seen, kind)))
        rebuilt = timed(memory.rebuild)
        size, floor = store.bytes_on_disk(), memory.floor_m2
        store.close()
    settled = took[len(took) // 2 :]  # the basis has grown by then
    return {
        "remember_cpu_ms_median": median_ms(settled, 0),
        "remember_clock_ms_median": median_ms(settled, 1),
        "remember_cpu_ms_most_while_the_basis_grows": round(1e3 * max(each[0] for each in took), 1),
        "rebuild_cpu_ms_per_keyframe": round(1e3 * rebuilt[0] / arguments.keyframes, 2),
        "rebuild_clock_ms_per_keyframe": round(1e3 * rebuilt[1] / arguments.keyframes, 2),
        "kilobytes_per_keyframe": round(size / 1e3 / arguments.keyframes, 1),
        "square_metres": round(floor, 1),
    }


def seen_image(random: np.random.Generator, features: np.ndarray, number: int) -> SeenImage:
    """Return an image from somewhere in the hall, of a wall some metres away."""
    pose = SensorPose(tuple(random.uniform(-20, 20, 3).tolist()), (0.0, 0.0, 0.0, 1.0))
    count = len(features)
    points = pose.to_map(np.column_stack([random.uniform(-2, 2, (count, 2)), random.uniform(2, 5, count)]))
    centres = random.uniform(0, 640, (count, 2))
    return SeenImage(number * 10**9, "", pose, features, points, centres, (14.0, 14.0), random.bytes(60_000))


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
        timed(lambda: find_places(voxels, query, Winners.of(voxels, query, words), everywhere, most=10))
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
