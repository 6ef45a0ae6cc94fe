# SPDX-License-Identifier: Apache-2.0
"""The memory's rooms: where their objects are, what moves, and the tour that knows nothing of it."""

import math

import pytest

from benchmarks.memory.furnished_rooms import (
    ABSENT,
    APART_M,
    OBJECTS,
    PHOTOS,
    RoomObject,
    absent_words,
    furnished,
    place_in,
    places_of,
    words_in,
)
from benchmarks.memory.tour import tour
from benchmarks.nav.floor_plan import INSCRIBED, floor_plan, inflate, value_at
from benchmarks.nav.room import Board
from talk2dino_ros.goal.stand_off import Pose


@pytest.mark.parametrize(
    ("pose", "x", "y"),
    # 512 x 512 pixels on 1.2 m: the box's middle (396, 427) is 0.328 m right of the picture's middle, 0.401 m below it
    [
        (Pose(3.0, 1.0, math.pi), 3.0, 1.0 - 0.328125),  # looks along -x; who looks at it along +x has -y to the right
        (Pose(3.0, 1.0, math.pi / 2), 3.0 - 0.328125, 1.0),  # who looks along -y has -x to the right
    ],
)
def test_an_objects_place_follows_from_its_board_and_its_box(pose, x, y):
    item = RoomObject("helmet", "astronaut", (280, 342, 512, 512))
    place = place_in(Board("astronaut", pose, 1.2, 1.2), item)
    assert place == pytest.approx((x, y, 0.85 - 0.40078125))


@pytest.mark.parametrize("seed", range(20))
def test_two_boards_move_and_nothing_else(seed):
    rooms = furnished(seed)
    assert rooms == furnished(seed)
    assert rooms != furnished(seed + 1)
    assert {board.photo for board in rooms.before.boards} == set(PHOTOS)
    assert rooms.before.obstacles == rooms.after.obstacles
    pairs = {board.photo: (board, rooms.after.board(board.photo)) for board in rooms.before.boards}
    assert {photo for photo, (old, new) in pairs.items() if old != new} == set(rooms.moved)
    assert all(math.dist(pairs[photo][0].pose.point, pairs[photo][1].pose.point) >= APART_M for photo in rooms.moved)


def test_words_of_the_room_and_absent_ones_are_apart():
    room = furnished(0).before
    assert set(words_in(room)) == {item.word for item in OBJECTS}
    assert not set(ABSENT) & set(words_in(room))
    assert len(set(absent_words(0))) == 10
    assert len(places_of("rocket", room)) == 2
    assert len(places_of("cat", room)) == 1


def test_the_tour_looks_all_around_at_stops_where_the_robot_may_be():
    room = furnished(0).before
    costmap = inflate(floor_plan(room))
    poses = tour(room)
    assert all(0 <= value_at(costmap, pose.x, pose.y) < INSCRIBED for pose in poses)
    here = [pose.yaw for pose in poses if pose.point == poses[-1].point]
    assert [round(math.degrees(yaw)) for yaw in here] == [0, 45, 90, 135, 180, 225, 270, 315]
