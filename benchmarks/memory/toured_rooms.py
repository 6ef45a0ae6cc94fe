# SPDX-License-Identifier: Apache-2.0
"""Tour a room once and keep what was remembered, and what trackers knew: so that it can be asked again and again.

In the folder that is kept, before/ has the memory after the first tour, after/ that after both, facts/ all else.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from benchmarks.memory.furnished_rooms import PHOTOS, MovedRoom, absent_words, furnished, words_in
from benchmarks.memory.recall import Point
from benchmarks.memory.seen_once import seeing_once
from benchmarks.memory.tour import images, tour
from benchmarks.memory.touring_robot import IMAGE_NS, RoomMemory, TrackingRobot
from benchmarks.nav.room import Room
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore
from talk2dino_ros.perception.memory.spatial_memory import MAX_RANGE_M, SpatialMemory
from talk2dino_ros.perception.memory.voxel_map import CELL_M

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter

TourPlan = Callable[[Room], Sequence[Pose]]
Known = Mapping[str, list[Point]]  # by word: places, best first
ONLY_DOOR = ("door",)
AWAY_NS = 3600 * 10**9  # between the two tours
BEFORE, AFTER, FACTS = "before", "after", "facts"


@dataclass(frozen=True)
class TouredRoom:
    """What a room's tours have cost, and what was known without the memory.

    keyframes, floor_m2: after the first tour. took_s: of each keyframe, of processor time. tracked: by
    words that compete with each other; questioned: by each word alone, the absent ones too; door_alone: by `door`.
    """

    seed: int
    images: int
    keyframes: int
    floor_m2: float
    took_s: list[float]
    tracked: Known
    questioned: Known
    door_alone: Known


def map_name(seed: int) -> str:
    """Return the name of a room's map."""
    return f"room_{seed}"


def open_memory(folder: Path, seed: int) -> SpatialMemory:
    """Open the memory of a room in before/ or after/; its store has to be closed."""
    return SpatialMemory(KeyframeStore(folder, map_name(seed)), cell_m=CELL_M, max_range_m=MAX_RANGE_M)


def toured(
    segmenter: Segmenter, seed: int, folder: Path, photos: Sequence[str] = PHOTOS, plan: TourPlan = tour
) -> TouredRoom:
    """Tour a room before and after two boards were moved, unless the folder has it already."""
    path = folder / FACTS / f"{map_name(seed)}.json"
    if path.exists():
        return TouredRoom(**json.loads(path.read_text()))
    for part in (BEFORE, AFTER):
        shutil.rmtree(folder / part / map_name(seed), ignore_errors=True)  # of a tour that was cut off
    rooms, segmenter = furnished(seed, photos), seeing_once(segmenter)  # from many poses nothing has moved
    facts = _first_tour(segmenter, rooms, folder, plan)
    shutil.copytree(folder / BEFORE / map_name(seed), folder / AFTER / map_name(seed))
    memory = open_memory(folder / AFTER, seed)
    _tour(RoomMemory(segmenter, memory), rooms, True, plan)
    memory.store.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(facts)))
    return facts


def _first_tour(segmenter: Segmenter, rooms: MovedRoom, folder: Path, plan: TourPlan) -> TouredRoom:
    seed, words = rooms.before.seed, words_in(rooms.before)
    asked = [*words, *absent_words(seed)]
    memory = open_memory(folder / BEFORE, seed)
    robot = RoomMemory(segmenter, memory)
    door, tracker = TrackingRobot(segmenter, ONLY_DOOR), TrackingRobot(segmenter, words)
    questioner = TrackingRobot(segmenter, (), asked)
    count = _tour(robot, rooms, False, plan, (door, tracker, questioner))
    facts = TouredRoom(
        seed,
        count,
        memory.keyframes,
        memory.floor_m2,
        list(robot.took_s),
        {word: tracker.places(word) for word in words},
        {word: questioner.places(word) for word in asked},
        {word: door.places(word) for word in words},
    )
    memory.store.close()
    return facts


def _tour(
    robot: RoomMemory, rooms: MovedRoom, after: bool, plan: TourPlan, trackers: tuple[TrackingRobot, ...] = ()
) -> int:
    """Show a robot the tour; of the trackers the first one has the vocabulary of the memory's own images."""
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
                for tracker in trackers[1:]:
                    tracker.see(stamp_ns, image)
    return len(poses)
