# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
from memory_story import pose_at, seeded_keyframe

from talk2dino_ros.perception.memory.keyframe import KeyframeChoice, to_millimetres
from talk2dino_ros.perception.memory.sensor_pose import SensorPose

SECOND = 10**9


def turned(degrees: float) -> SensorPose:
    half = math.radians(degrees) / 2
    return SensorPose((0, 0, 0), (0, 0, math.sin(half), math.cos(half)))


def test_an_image_is_new_after_the_distance_or_the_angle_and_not_before():
    choice = KeyframeChoice(0.4, 25.0)
    assert choice.is_new("", 0, pose_at())
    choice.took("", 0, pose_at())
    assert not choice.is_new("", SECOND, pose_at(0.39))
    assert choice.is_new("", SECOND, pose_at(0.41))
    choice.took("", SECOND, turned(0))
    assert not choice.is_new("", 2 * SECOND, turned(24.9))
    assert choice.is_new("", 2 * SECOND, turned(25.1))
    assert choice.is_new("", 2 * SECOND, turned(-25.1))


def test_an_image_that_was_not_stored_does_not_count_for_the_distance():
    choice = KeyframeChoice(0.4, 25.0)
    choice.took("", 0, pose_at())
    assert [choice.is_new("", SECOND, pose_at(x)) for x in (0.3, 0.5, 0.5)] == [False, True, True]


def test_each_camera_has_its_own_last_keyframe():
    choice = KeyframeChoice(0.4, 25.0)
    choice.took("left", 0, pose_at())
    assert choice.is_new("right", 0, pose_at())
    assert not choice.is_new("left", 0, pose_at())


def test_a_clock_that_jumps_back_resets_the_keyframe_choice():
    choice = KeyframeChoice(0.4, 25.0)
    choice.took("", 100 * SECOND, pose_at())
    assert not choice.is_new("", 99 * SECOND, pose_at())  # images may overtake one another
    assert choice.is_new("", 98 * SECOND, pose_at())


def test_points_come_back_to_the_millimetre_and_move_with_the_pose():
    keyframe = seeded_keyframe(3)
    moved = keyframe.pose.to_map(keyframe.millimetres * 0.001)
    np.testing.assert_allclose(keyframe.points, moved)
    assert to_millimetres(np.array([[1.2344, -0.0006, 31.9]])).tolist() == [[1234, -1, 31900]]


def test_some_of_its_patches_keep_their_order():
    keyframe = seeded_keyframe(4, patches=4)
    rest = keyframe.only(np.array([True, False, False, True]))
    assert np.array_equal(rest.codes, keyframe.codes[[0, 3]])
    assert np.array_equal(rest.points, keyframe.points[[0, 3]])
    assert rest.jpeg == keyframe.jpeg
    assert len(rest.scales) == len(rest.centres) == 2
