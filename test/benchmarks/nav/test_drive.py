# SPDX-License-Identifier: Apache-2.0
"""The robot's motion by hand-computed arcs, and its two frames."""

import math

import numpy as np
import pytest

from benchmarks.nav.drive import FASTEST_M_S, FASTEST_RAD_S, Odometry, Twist, frame_between, moved
from talk2dino_ros.goal.stand_off import Pose


def close(one: Pose, other: Pose) -> bool:
    return math.dist(one.point, other.point) < 1e-9 and abs(math.remainder(one.yaw - other.yaw, math.tau)) < 1e-9


def test_driving_straight_and_turning_on_the_spot() -> None:
    assert close(moved(Pose(1.0, 2.0, math.pi / 2), Twist(0.5, 0.0), 2.0), Pose(1.0, 3.0, math.pi / 2))
    assert close(moved(Pose(1.0, 2.0, 3.0), Twist(0.0, 0.5), 2.0), Pose(1.0, 2.0, 4.0 - math.tau))


def test_a_quarter_circle_to_the_left() -> None:
    # radius = speed / turn rate = 1 m; a quarter of the circle takes pi / 2 s
    assert close(moved(Pose(0.0, 0.0, 0.0), Twist(1.0, 1.0), math.pi / 2), Pose(1.0, 1.0, math.pi / 2))


def test_many_short_steps_are_one_long_one() -> None:
    twist, pose = Twist(0.4, -0.7), Pose(0.3, -0.2, 1.0)
    in_steps = pose
    for _ in range(50):
        in_steps = moved(in_steps, twist, 0.05)
    assert close(in_steps, moved(pose, twist, 2.5))


def test_commands_are_limited_and_invalid_ones_stop_the_robot() -> None:
    assert Twist(9.0, -9.0).limited() == Twist(FASTEST_M_S, -FASTEST_RAD_S)
    assert Twist(0.1, 0.2).limited() == Twist(0.1, 0.2)
    assert Twist(math.nan, 0.2).limited() == Twist()
    assert Twist(0.1, math.inf).limited() == Twist()


def test_odometry_drifts_by_its_error_rate() -> None:
    exact, wrong = Odometry(0.0, 0), Odometry(0.02, 0)
    for _ in range(400):
        exact.drive(Twist(0.5, 0.0), 0.05)
        wrong.drive(Twist(0.5, 0.0), 0.05)
    assert close(exact.pose, Pose(10.0, 0.0, 0.0))
    # 400 independent steps of 2 %: 2 % / sqrt(400) of 10 m, so a centimetre
    assert 0.0 < abs(wrong.pose.x - 10.0) < 0.05


@pytest.mark.parametrize("seed", range(5))
def test_the_frame_between_two_poses_maps_one_onto_the_other(seed: int) -> None:
    numbers = np.random.default_rng(seed).uniform(-3, 3, 6)
    truth, seen_as = Pose(*numbers[:3]), Pose(*numbers[3:])
    frame = frame_between(truth, seen_as)
    x = frame.x + math.cos(frame.yaw) * seen_as.x - math.sin(frame.yaw) * seen_as.y
    y = frame.y + math.sin(frame.yaw) * seen_as.x + math.cos(frame.yaw) * seen_as.y
    assert close(Pose(x, y, frame.yaw + seen_as.yaw), truth)
