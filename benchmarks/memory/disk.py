# SPDX-License-Identifier: Apache-2.0
"""Measure what a square metre of floor takes on disk: `python -m benchmarks.memory.disk`.

A robot tours furnished rooms once. Where the bytes go, and what is found again when keyframes are thinned out as
`max_bytes` has it: those that are the best view of no voxel first, then those of few, the oldest first. The voxels are
made anew each time. Writes to benchmarks/results/, or to --output.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.machine import write_result
from benchmarks.memory.furnished_rooms import PHOTOS, furnished, places_of, words_in
from benchmarks.memory.recall import Answer, recall_facts
from benchmarks.memory.tour import images, tour
from benchmarks.memory.touring_robot import IMAGE_NS, RoomMemory, places_of_word
from benchmarks.nav.room import Room
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore
from talk2dino_ros.perception.memory.disk.sealed_rows import pack
from talk2dino_ros.perception.memory.spatial_memory import MAX_RANGE_M, SpatialMemory, compile_loops
from talk2dino_ros.perception.memory.thinning import in_order_of_worth
from talk2dino_ros.perception.memory.voxel_map import CELL_M

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter

SHARES = (1.0, 0.75, 0.5, 0.35, 0.25)  # of the keyframes that stay

Step = dict[str, Any]


def main() -> None:
    """Tour the rooms, thin their memories out step by step, print the figures, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=4, help="number of rooms (default: %(default)s)")
    parser.add_argument("--first-seed", type=int, default=0, help="seed of the first one (default: %(default)s)")
    parser.add_argument("--model", default="mini", help="model name (default: %(default)s)")
    parser.add_argument("--weights-dir", default=None, help="folder with the published weights files")
    parser.add_argument("--output", type=Path, help="JSON file (default: in benchmarks/results, with the date)")
    arguments = parser.parse_args()
    segmenter = load_segmenter(arguments.model, device="cpu", weights_dir=arguments.weights_dir)
    compile_loops()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.rooms)
    with tempfile.TemporaryDirectory() as folder:
        measured = [measure_room(segmenter, seed, Path(folder)) for seed in seeds]
    facts = {"model": arguments.model, "rooms": len(measured), "thinned_to": summary(measured)}
    print(json.dumps(facts, indent=2))
    write_result(f"memory_disk_{arguments.model}", facts, arguments.output)


def measure_room(
    segmenter: "Segmenter",
    seed: int,
    folder: Path,
    photos: Sequence[str] = PHOTOS,
    plan: Callable[[Room], Sequence[Pose]] = tour,
    *,
    shares: Sequence[float] = SHARES,
) -> list[Step]:
    """Tour a room, and return for each share of its keyframes what they take and what is found by them."""
    room = furnished(seed, photos).before
    store = KeyframeStore(folder, f"room_{seed}")
    robot = RoomMemory(segmenter, SpatialMemory(store, cell_m=CELL_M, max_range_m=MAX_RANGE_M))
    with tempfile.TemporaryDirectory() as drawings:
        photographs = [board.photo for board in room.boards]
        for number, image in enumerate(images(room.seed, photographs, False, plan(room), Path(drawings))):
            robot.see(number * IMAGE_NS, image)
    memory, steps = robot.memory, []
    floor_m2, all_of_them = memory.floor_m2, memory.keyframes
    for share in shares:
        thin(memory, round(share * all_of_them))
        rows = [pack(keyframe) for _, keyframe in store]
        steps.append(
            {
                "share": share,
                "keyframes": len(rows),
                "floor_m2": floor_m2,
                "bytes": store.bytes_on_disk(),
                "bytes_of_features": sum(len(row.body) for row in rows),
                "bytes_of_pictures": sum(len(row.jpeg) for row in rows),
                "bytes_of_basis": store.directions.nbytes,
                "answers": answers(segmenter, memory, room),
            }
        )
    store.close()
    return steps


def thin(memory: SpatialMemory, keyframes: int) -> None:
    """Let keyframes go until so many are left, and make the voxels anew."""
    stamps = {number: reach.stamp_ns for number, reach in memory.reaches.items()}
    memory.store.change([], in_order_of_worth(stamps, memory.voxels)[: len(stamps) - keyframes])
    memory.rebuild()


def answers(segmenter: "Segmenter", memory: SpatialMemory, room: Room) -> list[Answer]:
    """Ask for everything that is in the room."""
    return [
        Answer(word, tuple(places_of_word(segmenter, memory, word)), tuple(places_of(word, room)))
        for word in words_in(room)
    ]


def summary(rooms: Sequence[list[Step]]) -> list[dict[str, Any]]:
    """Return the figures of all rooms together, a row for each share."""
    return [row(steps) for steps in zip(*rooms, strict=True)]


def row(steps: Sequence[Step]) -> dict[str, Any]:
    """Return what one share of all rooms' keyframes takes and finds."""
    floor_m2 = sum(step["floor_m2"] for step in steps)
    found = recall_facts([answer for step in steps for answer in step["answers"]])
    return {
        "share_of_keyframes": steps[0]["share"],
        "keyframes": sum(step["keyframes"] for step in steps),
        **{
            f"kilobytes_per_square_metre{name}": round(sum(step[f"bytes{name}"] for step in steps) / 1e3 / floor_m2, 1)
            for name in ("", "_of_features", "_of_pictures", "_of_basis")
        },
        **{name: found[name] for name in ("words", "recall_at_1_percent", "recall_at_3_percent")},
    }


if __name__ == "__main__":
    main()
