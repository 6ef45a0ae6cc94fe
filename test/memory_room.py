# SPDX-License-Identifier: Apache-2.0
"""A small room for tests of the memory: objects of one voxel before a wall, seen by a camera that drives along it."""

from collections.abc import Mapping

import cv2
import numpy as np
from memory_story import KIND, pose_at

from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore
from talk2dino_ros.perception.memory.spatial_memory import SeenImage, SpatialMemory
from talk2dino_ros.perception.memory.word_query import WordQuery

WORDS = {name: np.eye(8, dtype=np.float32)[number] for number, name in enumerate(("wall", "mug", "lamp", "plant"))}
WALL_X, PATCH = 3.05, 8  # metres, pixels
Point = tuple[float, float, float]
MUG, LAMP = (2.05, 0.05, 1.05), (2.05, 1.05, 1.05)


def memory_in(folder, **options) -> SpatialMemory:
    """The memory of the room's map, on disk in a folder."""
    return SpatialMemory(KeyframeStore(folder, "room"), cell_m=0.1, **options)


def seen_from(y: float, objects: Mapping[Point, str], stamp_s: float) -> SeenImage:
    """The room from x = 0.05, a camera that looks along x: a patch for each object, and for the wall beside them."""
    eye = (0.05, y, 1.05)
    free = [(WALL_X, 0.05 + 0.1 * step, z) for step in range(-10, 20) for z in (0.95, 1.05, 1.15)]
    behind = {at[1:]: at for at in objects}
    points = [*objects, *(each for each in free if not hidden(each, behind, eye))]
    names = [*objects.values(), *["wall"] * (len(points) - len(objects))]
    count = len(points)
    centres = np.column_stack([np.arange(count) % 16, np.arange(count) // 16]) * PATCH + PATCH / 2
    picture = np.full((-(-count // 16) * PATCH, 16 * PATCH, 3), (40, 90, 200), np.uint8)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    features = np.stack([WORDS[name] for name in names])
    return SeenImage(int(stamp_s * 1e9), "", pose_at(*eye), features, np.array(points), centres, (PATCH, PATCH), jpeg)


def hidden(point: Point, objects: Mapping[tuple[float, float], Point], eye: Point) -> bool:
    """Whether an object's cell is on the way to a point of the wall."""
    for x, y, z in objects.values():
        share = (x - eye[0]) / (point[0] - eye[0])
        at = [one + share * (other - one) for one, other in zip(eye, point, strict=True)]
        if abs(at[1] - y) <= 0.05 and abs(at[2] - z) <= 0.05:
            return True
    return False


def tour(memory: SpatialMemory, objects: Mapping[Point, str], first_s: float = 100.0, ys=(-0.5, 0.0, 0.5, 1.0)) -> None:
    """Drive along the wall and remember each image."""
    for number, y in enumerate(ys):
        memory.remember(seen_from(y, objects, first_s + number), KIND)


def asked(name: str, *against: str) -> WordQuery:
    """A word beside others, with a threshold that the wall passes for no other word."""
    vectors = np.stack([WORDS[each] for each in (name, *against)])
    return WordQuery(name, vectors, background=0.6, logit_scale=1 / 0.07)
