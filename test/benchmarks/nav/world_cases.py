# SPDX-License-Identifier: Apache-2.0
"""What MuJoCo draws against the room's own geometry: depth, intrinsics and the photographs' places.

Run by test_own_process.py.
"""

import math

import numpy as np
import pytest

from benchmarks.nav.room import BOARD_HEIGHT_M, PHOTOS, WALL_HEIGHT_M, furnish
from benchmarks.nav.sim_world import (
    CAMERA_AHEAD_M,
    CAMERA_HEIGHT_M,
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    World,
    aspects,
    focal_length,
)
from talk2dino_ros.demo import PHOTOS as FOLDER
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.viz.pictures import read_picture

ROOM = furnish(2, aspects(PHOTOS))


@pytest.fixture(scope="module")
def world():
    world = World(ROOM)
    yield world
    world.close()


def to_map(depth: np.ndarray, robot: Pose) -> np.ndarray:
    """Points [H, W, 3] in the map, by the intrinsics that camera_info states."""
    columns, rows = np.meshgrid(np.arange(IMAGE_WIDTH), np.arange(IMAGE_HEIGHT))
    right = (columns - (IMAGE_WIDTH - 1) / 2) / focal_length() * depth
    down = (rows - (IMAGE_HEIGHT - 1) / 2) / focal_length() * depth
    ahead = depth + CAMERA_AHEAD_M
    x = robot.x + ahead * math.cos(robot.yaw) + right * math.sin(robot.yaw)
    y = robot.y + ahead * math.sin(robot.yaw) - right * math.cos(robot.yaw)
    return np.stack([x, y, CAMERA_HEIGHT_M - down], axis=-1)


@pytest.mark.parametrize("photo", PHOTOS)
def test_straight_before_a_board_its_depth_is_the_distance(world, photo):
    board = ROOM.board(photo)
    _, depth = world.render(board.before(2.0))
    row = IMAGE_HEIGHT // 2 - round((BOARD_HEIGHT_M - CAMERA_HEIGHT_M) / (2.0 - CAMERA_AHEAD_M) * focal_length())
    assert depth.dtype == np.float32
    assert depth[row, IMAGE_WIDTH // 2] == pytest.approx(2.0 - CAMERA_AHEAD_M, abs=0.005)


@pytest.mark.parametrize("turn", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
def test_every_pixel_with_depth_lies_on_a_surface_of_the_room(world, turn):
    robot = Pose(ROOM.start.x, ROOM.start.y, ROOM.start.yaw + turn)
    _, depth = world.render(robot)
    seen = to_map(depth.astype(np.float64), robot)[np.isfinite(depth)]
    x, y, z = seen.T
    distances = [abs(z), abs(z - WALL_HEIGHT_M), abs(abs(x) - ROOM.width / 2), abs(abs(y) - ROOM.depth / 2)]
    for box in ROOM.obstacles:
        outside = np.maximum(np.maximum(abs(x - box.x), abs(y - box.y)) - box.half_side, z - box.height)
        distances.append(abs(outside))
    for board in ROOM.boards:
        ahead = (x - board.pose.x) * math.cos(board.pose.yaw) + (y - board.pose.y) * math.sin(board.pose.yaw)
        distances.append(np.where(ahead < 0, np.maximum(0, -ahead - 0.06), ahead))
    assert len(seen) > 100_000
    assert np.percentile(np.min(distances, axis=0), 99.5) < 0.01


@pytest.mark.parametrize("photo", PHOTOS)
def test_a_photograph_is_upright_and_not_mirrored(world, photo):
    """Cut the board out of the image by the room's geometry, and compare it with the file."""
    board = ROOM.board(photo)
    rgb, _ = world.render(board.before(1.6))
    scale = focal_length() / (1.6 - CAMERA_AHEAD_M)
    middle = IMAGE_HEIGHT / 2 - (BOARD_HEIGHT_M - CAMERA_HEIGHT_M) * scale
    top, bottom = round(middle - board.height / 2 * scale), round(middle + board.height / 2 * scale)
    left, right = (round(IMAGE_WIDTH / 2 + side * board.width / 2 * scale) for side in (-1, 1))
    cut = rgb[top:bottom, left:right].mean(axis=-1)
    photograph = read_picture(FOLDER / f"{photo}.jpg").mean(axis=-1)
    rows = np.linspace(0, photograph.shape[0] - 1, cut.shape[0]).astype(int)
    columns = np.linspace(0, photograph.shape[1] - 1, cut.shape[1]).astype(int)
    expected = photograph[rows][:, columns]

    def likeness(to):
        return np.corrcoef(cut.ravel(), to.ravel())[0, 1]

    assert likeness(expected) > 0.8
    assert likeness(expected) > max(likeness(expected[::-1]), likeness(expected[:, ::-1])) + 0.1


def test_too_near_and_too_far_have_no_depth(world):
    wall = Pose(ROOM.width / 2 - 0.15 - CAMERA_AHEAD_M, ROOM.depth / 2 - 0.3, 0.0)
    _, depth = world.render(wall)
    assert np.isnan(depth[IMAGE_HEIGHT // 2, IMAGE_WIDTH // 2])


def test_worlds_one_after_the_other_are_drawn_alike():
    pictures = []
    for _ in range(3):
        world = World(ROOM)
        pictures.append(np.dstack([*world.render(ROOM.start)]))
        world.close()
    assert np.array_equal(pictures[0], pictures[1], equal_nan=True)
    assert np.array_equal(pictures[0], pictures[2], equal_nan=True)


def test_a_world_that_is_closed_leaves_the_pictures_of_others_as_they_are(world):
    before = world.render(ROOM.start)
    other = World(ROOM)
    world.render(ROOM.start)
    other.close()
    other.close()
    for picture, again in zip(before, world.render(ROOM.start), strict=True):
        np.testing.assert_array_equal(picture, again)
