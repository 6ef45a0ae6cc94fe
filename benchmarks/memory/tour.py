# SPDX-License-Identifier: Apache-2.0
"""A tour through a room that knows nothing of what hangs there, and its images.

The robot drives from stop to stop of an even grid over the free floor, and turns once around at each. It is drawn in a
process of its own, as `sim_world` must not be in one that imports torch.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory.furnished_rooms import PHOTOS, furnished
from benchmarks.nav.floor_plan import floor_plan, inflate, value_at
from benchmarks.nav.room import Room
from benchmarks.nav.route import RouteError, plan_route
from benchmarks.nav.sim_world import SimulationError, World
from talk2dino_ros.goal.stand_off import Pose

STOP_M = 2.0  # between two stops
NO_MORE_COST = 50  # of a stop's cell in the costmap
TURN_DEG = 45.0
POSES = "poses.json"
STEP_M = 0.5  # between two images on the way


@dataclass(frozen=True, eq=False)
class TourImage:
    """What the robot sees at a pose of its base: uint8 [H, W, 3] RGB and float32 [H, W] metres."""

    pose: Pose
    rgb: NDArray[np.uint8]
    metres: NDArray[np.float32]


def tour(room: Room) -> list[Pose]:
    """Return the poses of the base at which images are taken."""
    return [pose for way in ways(room) for pose in (*_on_the_way(way), *_around(way[-1]))]


def ways(room: Room, stop_m: float = STOP_M) -> Iterator[list[tuple[float, float]]]:
    """Yield the way to each stop that can be reached, from the one before."""
    costmap = inflate(floor_plan(room))
    here = room.start.point
    for stop in stops(room, stop_m):
        try:
            way = plan_route(costmap, here, stop)
        except RouteError:
            continue
        yield way
        here = stop


def stops(room: Room, stop_m: float = STOP_M) -> list[tuple[float, float]]:
    """Return the free points of the grid, row by row, every second one backwards."""
    costmap = inflate(floor_plan(room))
    columns, rows = (math.floor((side - 1.0) / stop_m) for side in (room.width, room.depth))
    points = []
    for row in range(rows + 1):
        line = [((c - columns / 2) * stop_m, (row - rows / 2) * stop_m) for c in range(columns + 1)]
        points += line[:: -1 if row % 2 else 1]
    return [point for point in points if 0 <= value_at(costmap, *point) <= NO_MORE_COST]


def _around(stop: tuple[float, float]) -> list[Pose]:
    return [Pose(*stop, math.radians(TURN_DEG * turn)) for turn in range(round(360 / TURN_DEG))]


def _on_the_way(way: Sequence[tuple[float, float]]) -> list[Pose]:
    """Return poses every half metre, looking ahead."""
    poses, since = [], 0.0
    for (x, y), (next_x, next_y) in pairwise(way):
        since += math.dist((x, y), (next_x, next_y))
        if since >= STEP_M:
            poses.append(Pose(next_x, next_y, math.atan2(next_y - y, next_x - x)))
            since = 0.0
    return poses


def images(seed: int, photos: Sequence[str], after: bool, poses: Sequence[Pose], folder: Path) -> Iterator[TourImage]:
    """Draw what is seen from poses in another process, into a folder, and return it.

    after: whether two boards were moved. Raises SimulationError where it cannot be drawn.
    """
    (folder / POSES).write_text(json.dumps([astuple(pose) for pose in poses]))
    command = [sys.executable, "-m", __spec__.name, str(seed), str(folder), "--photos", *photos]
    command += ["--after"] if after else []
    found = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if found.returncode:
        raise SimulationError(found.stderr.strip())
    for number, pose in enumerate(poses):
        with np.load(folder / f"{number}.npz", allow_pickle=False) as drawn:
            yield TourImage(pose, drawn["rgb"], drawn["metres"])


def main() -> None:
    """Draw the images of a folder's poses; exit with a sentence where they cannot be drawn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int, help="seed of the room")
    parser.add_argument(
        "folder", type=Path, help=f"folder with {POSES}, a list of poses as x, y, yaw, and for the images"
    )
    parser.add_argument("--photos", nargs="+", default=list(PHOTOS), help="photos that hang in the room")
    parser.add_argument("--after", action="store_true", help="show the room after objects were moved")
    arguments = parser.parse_args()
    rooms = furnished(arguments.seed, arguments.photos)
    try:
        world = World(rooms.after if arguments.after else rooms.before)
    except SimulationError as error:
        sys.exit(str(error))
    for number, pose in enumerate(json.loads((arguments.folder / POSES).read_text())):
        rgb, metres = world.render(Pose(*pose))
        np.savez(arguments.folder / f"{number}.npz", rgb=rgb, metres=metres)
    world.close()


if __name__ == "__main__":
    main()
