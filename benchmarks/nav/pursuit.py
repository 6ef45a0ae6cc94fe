# SPDX-License-Identifier: Apache-2.0
"""Stub of Nav2's controller, for the demo alone: pure pursuit along a route, then a turn to the goal's yaw."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.nav.drive import Twist
from benchmarks.nav.room import turned
from talk2dino_ros.goal.stand_off import Pose

Point = tuple[float, float]
LOOK_AHEAD_M = 0.35  # the robot steers for the point of the route so far ahead
CRUISE_M_S = 0.5
SLOW_DOWN_1_S = 1.0  # metres per second for each metre that is left
TURN_1_S = 1.5  # radians per second for each radian that is wrong
TURN_RAD_S = 0.9
SLOWEST_RAD_S = 0.1
AHEAD_RAD = 0.6  # what is farther aside is turned to on the spot
ARRIVED_M, ARRIVED_RAD = 0.08, 0.05


class Pursuit:
    """Follows one route; told where the robot is, it says how to drive."""

    def __init__(self, route: Sequence[Point], yaw: float) -> None:
        self._route = list(route)
        self._yaw = yaw
        self._next = 0
        self._is_there = False
        self.is_done = False

    def drive(self, robot: Pose) -> Twist:
        """Return the speeds; zero, and `is_done`, once the robot stands at the end of the route and looks as asked."""
        end = self._route[-1]
        self._is_there = self._is_there or math.dist(robot.point, end) < ARRIVED_M
        if self._is_there:
            wrong = turned(self._yaw, -robot.yaw)
            self.is_done = abs(wrong) < ARRIVED_RAD
            return Twist() if self.is_done else Twist(0.0, _turning(wrong))
        return _steer(robot, self._carrot(robot), math.dist(robot.point, end))

    def _carrot(self, robot: Pose) -> Point:
        """Return the first point ahead on the route that is far enough away; it never goes back."""
        while self._next < len(self._route) - 1 and math.dist(robot.point, self._route[self._next]) < LOOK_AHEAD_M:
            self._next += 1
        return self._route[self._next]


def _steer(robot: Pose, carrot: Point, left_m: float) -> Twist:
    """Drive the arc through the carrot: its curvature is 2 sin(angle) / distance."""
    distance = math.dist(robot.point, carrot)
    aside = turned(math.atan2(carrot[1] - robot.y, carrot[0] - robot.x), -robot.yaw)
    if abs(aside) > AHEAD_RAD:
        return Twist(0.0, _turning(aside))
    forwards = min(CRUISE_M_S, SLOW_DOWN_1_S * left_m)
    turning = forwards * 2 * math.sin(aside) / distance
    if abs(turning) > TURN_RAD_S:  # slower, on the same arc
        forwards, turning = forwards * TURN_RAD_S / abs(turning), math.copysign(TURN_RAD_S, turning)
    return Twist(forwards, turning)


def _turning(wrong: float) -> float:
    return math.copysign(min(TURN_RAD_S, max(SLOWEST_RAD_S, TURN_1_S * abs(wrong))), wrong)
