# SPDX-License-Identifier: Apache-2.0
"""Simulate the demo robot's motion: differential drive without slip or mass, odometry with drift."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.nav.room import turned
from talk2dino_ros.goal.stand_off import Pose

ROBOT_RADIUS_M = 0.2
FASTEST_M_S, FASTEST_RAD_S = 0.6, 1.2
STRAIGHT_RAD = 1e-9  # a turn below this is none


@dataclass(frozen=True)
class Twist:
    """Speeds: forwards in m/s, to the left in rad/s."""

    forwards: float = 0.0
    turning: float = 0.0

    def limited(self) -> Twist:
        """Return what the motors can do of it; what is not finite is a stop."""
        if not (math.isfinite(self.forwards) and math.isfinite(self.turning)):
            return Twist()
        return Twist(
            min(max(self.forwards, -FASTEST_M_S), FASTEST_M_S), min(max(self.turning, -FASTEST_RAD_S), FASTEST_RAD_S)
        )


def moved(pose: Pose, twist: Twist, seconds: float) -> Pose:
    """Return the pose after driving so for a while: a straight line or an arc."""
    way, turn = twist.forwards * seconds, twist.turning * seconds
    # the chord of the arc: as long as the way for no turn, and half the turn off the first direction
    chord = way if abs(turn) < STRAIGHT_RAD else way * math.sin(turn / 2) / (turn / 2)
    direction = pose.yaw + turn / 2
    return Pose(pose.x + chord * math.cos(direction), pose.y + chord * math.sin(direction), turned(pose.yaw, turn))


class Odometry:
    """Pose by wheel odometry, from the start; each step adds a share of its length as error."""

    def __init__(self, error_share: float, seed: int) -> None:
        self.pose = Pose(0.0, 0.0, 0.0)
        self._error_share = error_share
        self._random = np.random.default_rng(seed)

    def drive(self, twist: Twist, seconds: float) -> None:
        """Count a step that was driven."""
        wrong = 1.0 + self._error_share * self._random.standard_normal(2)
        self.pose = moved(self.pose, Twist(twist.forwards * wrong[0], twist.turning * wrong[1]), seconds)


def frame_between(pose: Pose, seen_as: Pose) -> Pose:
    """Return the frame in which `pose` is `seen_as`: where odom is in the map, by the robot's pose in both."""
    yaw = turned(pose.yaw, -seen_as.yaw)
    cos, sin = math.cos(yaw), math.sin(yaw)
    return Pose(pose.x - cos * seen_as.x + sin * seen_as.y, pose.y - sin * seen_as.x - cos * seen_as.y, yaw)
