# SPDX-License-Identifier: Apache-2.0
import dataclasses
import math

import numpy as np
import pytest
from memory_room import LAMP, MUG, asked, memory_in, tour
from memory_story import KIND

from talk2dino_ros.perception.memory.memory_changes import (
    correct,
    forget_all,
    forget_before,
    forget_box,
    forget_place,
)
from talk2dino_ros.perception.memory.pose_path import PosePath
from talk2dino_ros.perception.memory.sensor_pose import PoseError, SensorPose
from talk2dino_ros.perception.memory.spatial_memory import ForgottenPlaceError

THERE = {MUG: "mug", LAMP: "lamp"}
STRAIGHT = (0.0, 0.0, 0.0, 1.0)
HALF = math.sqrt(0.5)


@pytest.fixture
def memory(tmp_path):
    memory = memory_in(tmp_path)
    tour(memory, THERE)
    yield memory
    memory.store.close()


def found(memory, word: str) -> list[tuple[float, ...]]:
    places = memory.find(asked(word)).places
    return [tuple(round(value, 2) for value in place.position) for _, place in places]


def restarted(memory):
    memory.store.close()
    return memory_in(memory.store.folder.parent)


def test_a_place_that_was_forgotten_is_in_no_answer_and_in_no_store(memory):
    number = memory.find(asked("mug")).places[0][0]
    assert forget_place(memory, number) == (0, 4)
    with pytest.raises(ForgottenPlaceError):
        memory.view(number)
    again = restarted(memory)
    for each in (memory, again):
        assert (found(each, "mug"), found(each, "lamp")) == ([], [LAMP])
    again.store.close()


def test_a_box_is_forgotten_whichever_corners_are_given(memory):
    assert forget_box(memory, (3.0, 2.0, 2.0), (1.0, 0.5, 0.0)) == (0, 4)
    assert (found(memory, "lamp"), found(memory, "mug")) == ([], [MUG])
    assert forget_box(memory, (-9, -9, -9), (9, 9, 9)) == (4, 0)
    assert memory.keyframes == len(memory.voxels) == 0


def test_all_before_a_time_is_forgotten(memory):
    tour(memory, {LAMP: "lamp"}, 200.0)
    assert forget_before(memory, 200 * 10**9) == 4
    assert (found(memory, "mug"), found(memory, "lamp"), memory.keyframes) == ([], [LAMP], 4)


def test_after_everything_was_forgotten_other_features_may_come(memory):
    assert forget_all(memory) == 4
    assert (found(memory, "mug"), memory.keyframes) == ([], 0)
    other = dataclasses.replace(KIND, feature_space="space-b", frame="odom")
    memory = restarted(memory)
    assert memory.store.kind is None
    memory.store.check_kind(other)
    tour(memory, THERE)
    assert found(memory, "mug") == [MUG]
    memory.store.close()


def test_a_correction_moves_what_was_seen_then_and_survives_a_restart(memory):
    """The robot was a metre further in x from 101 s on; before, as it thought; after 102 s nothing is known."""
    before = PosePath([(stamp * 10**9, SensorPose((0, 0, 0), STRAIGHT)) for stamp in (101, 102)])
    after = PosePath([(stamp * 10**9, SensorPose((1, 0, 0), STRAIGHT)) for stamp in (101, 102)])
    assert correct(memory, after, before) == (2, 2)
    shifted = (3.05, *MUG[1:])
    for each in (memory, restarted(memory)):
        assert sorted(found(each, "mug")) == [MUG, shifted]
    memory.store.close()


def test_a_turned_body_turns_what_it_saw_around_its_own_place(memory):
    """A quarter turn to the left around the origin: (x, y) is (-y, x)."""
    before = PosePath([(stamp * 10**9, SensorPose((0, 0, 0), STRAIGHT)) for stamp in (99, 199)])
    after = PosePath([(stamp * 10**9, SensorPose((0, 0, 0), (0, 0, HALF, HALF))) for stamp in (99, 199)])
    assert correct(memory, after, before) == (4, 0)
    assert found(memory, "mug") == [(-0.05, 2.05, 1.05)]


def test_without_a_path_before_the_poses_are_the_sensors_own(memory):
    pose = dict(memory.store)[2].pose
    path = PosePath([(101 * 10**9, SensorPose((0.05, 5.0, 1.05), pose.orientation))])
    assert correct(memory, path, None) == (1, 3)
    assert sorted(found(memory, "mug")) == [MUG, (2.05, 5.05, 1.05)]


def test_a_correction_makes_found_places_unknown(memory):
    number = memory.find(asked("mug")).places[0][0]
    correct(memory, PosePath([]), None)
    with pytest.raises(ForgottenPlaceError):
        memory.view(number)


def test_a_path_is_asked_between_its_poses_and_says_nothing_outside():
    path = PosePath([(10, SensorPose((0, 0, 0), STRAIGHT)), (20, SensorPose((1, 0, 0), (0, 0, HALF, HALF)))])
    assert (path.at(9), path.at(21)) == (None, None)
    assert path.at(10).position == (0, 0, 0)
    assert path.at(20).orientation == pytest.approx((0, 0, HALF, HALF))
    middle = path.at(15)
    np.testing.assert_allclose(middle.position, (0.5, 0, 0))
    assert middle.angle_to(SensorPose((0, 0, 0), STRAIGHT)) == pytest.approx(45.0)
    assert PosePath([]).at(1) is None
    with pytest.raises(PoseError, match="sort them"):
        PosePath([(20, SensorPose((0, 0, 0), STRAIGHT)), (10, SensorPose((0, 0, 0), STRAIGHT))])
