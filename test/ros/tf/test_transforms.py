# SPDX-License-Identifier: Apache-2.0
"""A transform's mathematics, against scipy and by hand."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from talk2dino_ros.ros.tf.transforms import Transform

ANGLES = (0.3, -1.1, 2.5)
SHIFT = (1.0, -2.0, 0.5)


@pytest.fixture
def turned() -> Transform:
    return Transform.from_quaternion(Rotation.from_euler("xyz", ANGLES).as_quat(), SHIFT, 7)


def test_a_quaternion_becomes_scipys_matrix(turned: Transform) -> None:
    np.testing.assert_allclose(turned.rotation, Rotation.from_euler("xyz", ANGLES).as_matrix(), atol=1e-15)


def test_a_quaternion_of_another_length_gives_the_same_rotation(turned: Transform) -> None:
    longer = Transform.from_quaternion(3 * Rotation.from_euler("xyz", ANGLES).as_quat(), SHIFT)
    np.testing.assert_allclose(longer.rotation, turned.rotation, atol=1e-15)


def test_points_are_turned_then_moved_in_any_arrangement() -> None:
    left = Transform.from_quaternion((0, 0, math.sqrt(0.5), math.sqrt(0.5)), (10, 0, 0))
    points = np.array([[[1, 0, 0], [0, 2, 5]]], np.float32)
    np.testing.assert_allclose(left.apply(points), [[[10, 1, 0], [8, 0, 5]]], atol=1e-12)
    assert left.apply(points).dtype == np.float64


def test_a_point_without_depth_stays_without(turned: Transform) -> None:
    moved = turned.apply(np.array([[np.nan, np.nan, np.nan], [0.0, 0.0, 0.0]]))
    assert np.isnan(moved[0]).all()
    assert moved[1].tolist() == list(SHIFT)


def test_the_inverse_leads_back_and_keeps_the_stamp(turned: Transform) -> None:
    point = np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(turned.inverse().apply(turned.apply(point)), point)
    assert turned.inverse().stamp_ns == 7


@pytest.mark.parametrize("yaw", [-3.0, -0.5, 0.0, 1.0, 3.0])
def test_the_yaw_is_the_turn_about_z(yaw: float) -> None:
    assert Transform.from_quaternion(Rotation.from_euler("z", yaw).as_quat(), SHIFT).yaw == pytest.approx(yaw)


HALF_TURNS = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0.6, -0.8, 0, 0)]  # w is 0, and each other one the largest


@pytest.mark.parametrize("quaternion", [*Rotation.random(20, random_state=4).as_quat().tolist(), *HALF_TURNS])
def test_the_quaternion_is_the_one_that_it_was_made_of(quaternion: list[float]) -> None:
    found = Transform.from_quaternion(quaternion, SHIFT).quaternion
    assert math.hypot(*found) == pytest.approx(1.0)
    assert abs(np.dot(found, quaternion)) == pytest.approx(1.0, abs=1e-12)  # the negative is the same rotation
    assert found[3] >= -1e-12


def test_the_quaternion_of_no_turn_is_the_identitys() -> None:
    assert Transform.identity().quaternion == (0.0, 0.0, 0.0, 1.0)
