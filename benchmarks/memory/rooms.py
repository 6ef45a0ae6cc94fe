# SPDX-License-Identifier: Apache-2.0
"""Measure what the memory finds again: `python -m benchmarks.memory.rooms`.

In each of many seeded rooms a robot tours once with the vocabulary `door`, and is asked for everything in the room
afterwards, by words that were in no vocabulary, and for ten objects that are not there. Beside it: what a tracker knows
of the same images, with `door` alone, and with all these words in its vocabulary (the upper bound). Then two boards are
moved, it tours again, and is asked again. Writes to benchmarks/results/, or to --output.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from benchmarks.machine import write_result
from benchmarks.memory.furnished_rooms import PHOTOS, MovedRoom, absent_words, furnished, places_of, words_in
from benchmarks.memory.recall import Answer, Move, knows, move_facts, recall_facts, share
from benchmarks.memory.tour import images, tour
from benchmarks.memory.touring_robot import IMAGE_NS, RoomMemory, TrackingRobot
from benchmarks.nav.room import Room
from benchmarks.nav.sim_world import SimulationError
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.bench.machine import describe_machine
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore
from talk2dino_ros.perception.memory.spatial_memory import MAX_RANGE_M, SpatialMemory, compile_loops
from talk2dino_ros.perception.memory.voxel_map import CELL_M

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter

TourPlan = Callable[[Room], Sequence[Pose]]
ONLY_DOOR = ("door",)
AWAY_NS = 3600 * 10**9  # between the two tours


@dataclass
class RoomFacts:
    """What was measured in one room. absent_found: words of objects that are in no room, and had a place."""

    seed: int
    images: int
    remembered: list[Answer] = field(default_factory=list)
    tracked: list[Answer] = field(default_factory=list)
    door_alone: list[Answer] = field(default_factory=list)
    absent: int = 0
    absent_found: list[str] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    keyframes: int = 0
    bytes_on_disk: int = 0
    floor_m2: float = 0.0
    took_s: list[float] = field(default_factory=list)


def main() -> None:
    """Tour all rooms, print the figures, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--weights-dir", default=None)
    parser.add_argument("--output", type=Path, help="JSON file (default: in benchmarks/results, with the date)")
    parser.add_argument("--keep", type=Path, help="folder for the memories, to look at by `talk2dino memory`")
    arguments = parser.parse_args()
    segmenter = load_segmenter(arguments.model, device="cpu", weights_dir=arguments.weights_dir)
    compile_loops()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.rooms)
    try:
        with tempfile.TemporaryDirectory() as folder:
            store = arguments.keep or Path(folder)
            measured = [measure_room(segmenter, seed, store) for seed in seeds]
    except SimulationError as error:
        sys.exit(str(error))
    facts = {"model": arguments.model, "pictures_per_room": len(PHOTOS), **summary(measured)}
    print(json.dumps({name: value for name, value in facts.items() if name != "each_room"}, indent=2))
    if arguments.output is None:
        write_result(f"memory_rooms_{arguments.model}", facts)
    else:
        arguments.output.write_text(json.dumps({"machine": describe_machine(), **facts}, indent=2) + "\n")


def measure_room(
    segmenter: "Segmenter", seed: int, folder: Path, photos: Sequence[str] = PHOTOS, plan: TourPlan = tour
) -> RoomFacts:
    """Tour a room, ask, tour it again after objects were moved, ask again."""
    rooms = furnished(seed, photos)
    words = words_in(rooms.before)
    store = KeyframeStore(folder, f"room_{seed}")
    robot = RoomMemory(segmenter, SpatialMemory(store, cell_m=CELL_M, max_range_m=MAX_RANGE_M))
    door, all_words = TrackingRobot(segmenter, ONLY_DOOR), TrackingRobot(segmenter, words)
    facts = RoomFacts(seed, _tour(robot, rooms, False, plan, trackers=(door, all_words)))
    for word in words:
        truths = tuple(places_of(word, rooms.before))
        facts.remembered.append(Answer(word, tuple(each.position for each in robot.find(word)), truths))
        facts.tracked.append(Answer(word, tuple(all_words.places(word)), truths))
        facts.door_alone.append(Answer(word, tuple(door.places(word)), truths))
    absent = absent_words(seed)
    facts.absent, facts.absent_found = len(absent), [word for word in absent if robot.find(word)]
    facts.keyframes, facts.floor_m2 = robot.memory.keyframes, robot.memory.floor_m2
    facts.bytes_on_disk, facts.took_s = store.bytes_on_disk(), list(robot.took_s)
    _tour(robot, rooms, True, plan)
    facts.moves = [_move(answer, rooms, robot) for answer in facts.remembered if _is_moved(answer.word, rooms)]
    store.close()
    return facts


def _tour(
    robot: RoomMemory,
    rooms: MovedRoom,
    after: bool,
    plan: TourPlan,
    trackers: tuple[TrackingRobot, ...] = (),
) -> int:
    """Show a robot the tour; of the two trackers the first one has the vocabulary of the memory's own images."""
    room = rooms.after if after else rooms.before
    poses = plan(room)
    with tempfile.TemporaryDirectory() as folder:
        drawn = images(room.seed, [board.photo for board in room.boards], after, poses, Path(folder))
        name = f"room {room.seed}, {'after' if after else 'before'} the move"
        for number, image in enumerate(tqdm(drawn, total=len(poses), unit="image", desc=name, disable=None)):
            stamp_ns = number * IMAGE_NS + AWAY_NS * (1 + after)
            result = robot.see(stamp_ns, image)
            if trackers and result is not None:
                trackers[0].take(stamp_ns, image, result)
                trackers[1].see(stamp_ns, image)
    return len(poses)


def _is_moved(word: str, rooms: MovedRoom) -> bool:
    """Whether the only object of a word was moved."""
    before, after = places_of(word, rooms.before), places_of(word, rooms.after)
    return len(before) == 1 and before != after


def _move(before: Answer, rooms: MovedRoom, robot: RoomMemory) -> Move:
    places = tuple(each.position for each in robot.find(before.word))
    old, new = before.truths[0], places_of(before.word, rooms.after)[0]
    return Move(before.word, knows(before.places, old), old, new, places)


def summary(rooms: Sequence[RoomFacts]) -> dict[str, Any]:
    """Return the figures of all rooms together, and of each."""
    remembered, tracked, door = (
        recall_facts([answer for room in rooms for answer in getattr(room, kind)])
        for kind in ("remembered", "tracked", "door_alone")
    )
    absent, found = sum(room.absent for room in rooms), sum(len(room.absent_found) for room in rooms)
    best = tracked["recall_at_1_percent"]
    return {
        "rooms": len(rooms),
        "remembered": remembered,
        "upper_bound_by_tracker_with_all_words": tracked,
        "recall_at_1_percent_of_upper_bound": share(remembered["recall_at_1_percent"], best) if best else None,
        "tracker_with_door_alone": door,
        "absent_words": absent,
        "absent_words_found_percent": share(found, absent),
        "moved": move_facts([move for room in rooms for move in room.moves]),
        "keyframes_per_room_median": median(room.keyframes for room in rooms),
        "kilobytes_per_square_metre_of_floor": round(
            sum(room.bytes_on_disk for room in rooms) / 1e3 / sum(room.floor_m2 for room in rooms), 1
        ),
        "remember_cpu_ms_median": round(1e3 * median(took for room in rooms for took in room.took_s), 1),
        "each_room": [_row(room) for room in rooms],
    }


def _row(room: RoomFacts) -> dict[str, Any]:
    return {
        "seed": room.seed,
        "images": room.images,
        "keyframes": room.keyframes,
        "floor_m2": round(room.floor_m2, 1),
        "kilobytes": round(room.bytes_on_disk / 1e3),
        "error_m_by_word": {a.word: round(a.errors[0], 2) if a.places else None for a in room.remembered},
        "error_m_by_word_tracked": {a.word: round(a.errors[0], 2) if a.places else None for a in room.tracked},
        "absent_words_found": room.absent_found,
        "moved": {m.word: {"old_gone": m.old_is_gone, "new_first": m.new_is_first} for m in room.moves},
    }


if __name__ == "__main__":
    main()
