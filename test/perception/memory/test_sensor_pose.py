# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
from memory_story import pose_at

from talk2dino_ros.perception.memory.sensor_pose import PoseError, SensorPose, between

SQRT_HALF = math.sqrt(0.5)


def test_a_camera_that_looks_along_x_has_what_is_before_it_at_larger_x_and_what_is_right_at_smaller_y():
    pose = pose_at(1.0, 2.0, 3.0)
    seen = pose.to_map(np.array([[0.0, 0.0, 4.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    np.testing.assert_allclose(seen, [[5, 2, 3], [1, 1, 3], [1, 2, 2]], atol=1e-12)
    np.testing.assert_allclose(pose.to_sensor(seen), [[0, 0, 4], [1, 0, 0], [0, 1, 0]], atol=1e-12)


def test_a_pose_that_is_made_of_a_poses_numbers_is_the_same_bit_by_bit():
    for turn in np.random.default_rng(0).normal(size=(300, 4)):
        pose = SensorPose((0, 0, 0), tuple((turn / np.linalg.norm(turn) * 1.001).tolist()))
        assert np.linalg.norm(pose.orientation) == pytest.approx(1, abs=1e-12)
        assert SensorPose(pose.position, pose.orientation) == pose


def test_angles_are_in_degrees_whatever_the_sign_of_the_quaternion():
    straight, turned = SensorPose((0, 0, 0), (0, 0, 0, 1)), SensorPose((3, 4, 0), (0, 0, -SQRT_HALF, -SQRT_HALF))
    assert straight.angle_to(turned) == pytest.approx(90.0)
    assert straight.distance_to(turned) == 5.0


def test_a_pose_times_its_inverse_is_the_identity():
    pose = SensorPose((1.0, -2.0, 0.5), (0.5, 0.5, -0.5, 0.5))
    both = pose.after(pose.inverse())
    np.testing.assert_allclose(both.position, 0, atol=1e-12)
    assert both.angle_to(SensorPose((0, 0, 0), (0, 0, 0, 1))) == pytest.approx(0, abs=1e-5)


def test_one_pose_after_another_moves_points_by_both():
    outer, inner = (
        SensorPose((0, 0, 1), (0, 0, SQRT_HALF, SQRT_HALF)),
        SensorPose((2, 0, 0), (SQRT_HALF, 0, 0, SQRT_HALF)),
    )
    points = np.array([[0.3, -0.7, 1.1]])
    np.testing.assert_allclose(outer.after(inner).to_map(points), outer.to_map(inner.to_map(points)), atol=1e-12)


def test_half_way_between_two_poses_is_half_of_the_turn():
    start, end = SensorPose((0, 0, 0), (0, 0, 0, 1)), SensorPose((2, 0, 0), (0, 0, -SQRT_HALF, -SQRT_HALF))
    middle = between(start, end, 0.5)
    assert middle.position == (1.0, 0.0, 0.0)
    assert start.angle_to(middle) == pytest.approx(45.0)
    assert middle.angle_to(end) == pytest.approx(45.0)
    assert between(start, start, 0.5).orientation == start.orientation


@pytest.mark.parametrize(
    ("position", "orientation"),
    [((math.nan, 0, 0), (0, 0, 0, 1)), ((0, 0, 0), (0, 0, 0, 0)), ((0, 0, 0), (0, 0, 0, 2))],
)
def test_an_invalid_pose_is_refused(position, orientation):
    with pytest.raises(PoseError, match="quaternion of length 1"):
        SensorPose(position, orientation)


@pytest.mark.parametrize("large", [1e200, 1e308])
def test_a_quaternion_beyond_what_can_be_squared_is_refused_without_a_warning(large):
    with pytest.raises(PoseError, match="quaternion of length 1"):
        SensorPose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, large))
