# SPDX-License-Identifier: Apache-2.0
"""The Nav2 stub as a node: it searches, drives to goals and stops, as the goal node's state says."""

import math
import time

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("tf2_msgs", reason="tf2_msgs is not built")
pytest.importorskip("talk2dino_msgs", reason="talk2dino_msgs is not built")

from geometry_msgs.msg import PoseStamped, Twist  # noqa: E402
from nav_msgs.msg import OccupancyGrid, Odometry  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.qos import QoSProfile  # noqa: E402
from rclpy.time import Time  # noqa: E402
from std_msgs.msg import Header  # noqa: E402
from talk2dino_msgs.msg import GoToState  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402

from benchmarks.nav import drive, simulator_messages  # noqa: E402
from benchmarks.nav.nav2_stub import Nav2Stub  # noqa: E402
from benchmarks.nav.simulator_messages import BASE, MAP  # noqa: E402
from talk2dino_ros.goal.grid import Grid  # noqa: E402
from talk2dino_ros.goal.stand_off import Pose  # noqa: E402
from talk2dino_ros.ros.node.qos import LATCHED  # noqa: E402
from talk2dino_ros.ros.node.ros_context import ros_context  # noqa: E402

STEP_S = 0.05


class Robot(Node):
    """A robot without inertia in an empty field of 8 by 8 m, and the goal node's voice."""

    def __init__(self) -> None:
        super().__init__("robot")
        self.pose = Pose(0.0, 0.0, 0.0)
        self.twists: list[Twist] = []
        self._steps = 0
        self._tf_pub = self.create_publisher(TFMessage, "/tf", QoSProfile(depth=100))
        self._odom_pub = self.create_publisher(Odometry, "odom", QoSProfile(depth=10))
        self._costmap_pub = self.create_publisher(OccupancyGrid, "costmap", LATCHED)
        self.state_pub = self.create_publisher(GoToState, "goal/state", LATCHED)
        self.goal_pub = self.create_publisher(PoseStamped, "goal_pose", QoSProfile(depth=10))
        self.create_subscription(Twist, "cmd_vel", self.twists.append, QoSProfile(depth=10))
        field = Grid(np.zeros((80, 80), np.int8), 0.1, -4.0, -4.0, frame_id=MAP)
        field.values[:, 60:62] = 100  # a wall at x = 2, from end to end
        self._costmap_pub.publish(simulator_messages.grid_to_msg(field, Time().to_msg()))

    def say(self, state: int) -> None:
        self.state_pub.publish(GoToState(value=state))

    def send_to(self, goal: Pose) -> None:
        self.goal_pub.publish(simulator_messages.pose_stamped(goal, Header(frame_id=MAP)))

    def step(self, executor: SingleThreadedExecutor) -> drive.Twist:
        """Say where it is, hear how to drive, drive."""
        self._steps += 1
        heard = len(self.twists)
        stamp = Time(nanoseconds=round(self._steps * STEP_S * 1e9)).to_msg()
        self._tf_pub.publish(simulator_messages.transforms(stamp, [(MAP, BASE, self.pose)]))
        self._odom_pub.publish(simulator_messages.odometry(self.pose, drive.Twist(), stamp))
        deadline_s = time.monotonic() + 60.0
        while len(self.twists) == heard:
            assert time.monotonic() < deadline_s, "no cmd_vel came"
            executor.spin_once(timeout_sec=0.05)
        twist = drive.Twist(self.twists[-1].linear.x, self.twists[-1].angular.z)
        self.pose = drive.moved(self.pose, twist, STEP_S)
        return twist

    def steps_until(self, executor: SingleThreadedExecutor, condition, count: int = 400) -> None:
        for _ in range(count):
            if condition(self.step(executor)):
                return
        raise AssertionError(f"it did not come in {count} steps")


@pytest.fixture
def robot_and_executor():
    with ros_context():
        executor, robot, stub = SingleThreadedExecutor(), Robot(), Nav2Stub()
        executor.add_node(robot)
        executor.add_node(stub)
        for _ in range(5):  # until all have found each other, and it knows map and place
            robot.step(executor)
        while stub._costmap is None or stub._robot() is None:
            robot.step(executor)
        yield robot, executor
        executor.shutdown()
        robot.destroy_node()
        stub.destroy_node()


def test_the_nav2_stub_waits_searches_drives_and_turns_to_the_goal(robot_and_executor):
    robot, executor = robot_and_executor
    assert robot.step(executor) == drive.Twist()
    robot.say(GoToState.SEARCHING)
    robot.steps_until(executor, lambda twist: twist.forwards == 0 and twist.turning > 0)
    robot.say(GoToState.SEEN)
    goal = Pose(-2.0, 1.0, 2.0)
    robot.send_to(goal)
    robot.steps_until(executor, lambda twist: twist.forwards > 0.1)
    robot.say(GoToState.REACHED)  # the goal node is content sooner
    robot.steps_until(executor, lambda twist: twist == drive.Twist())
    assert math.dist(robot.pose.point, goal.point) < 0.1
    assert robot.pose.yaw == pytest.approx(goal.yaw, abs=0.06)


def test_a_failed_go_to_stops_the_robot(robot_and_executor):
    robot, executor = robot_and_executor
    robot.say(GoToState.SEARCHING)
    robot.steps_until(executor, lambda twist: twist.turning > 0)
    robot.say(GoToState.NEVER_SEEN)
    robot.steps_until(executor, lambda twist: twist == drive.Twist())


def test_an_unreachable_goal_stops_the_robot(robot_and_executor):
    robot, executor = robot_and_executor
    robot.send_to(Pose(-3.0, 0.0, 0.0))
    robot.steps_until(executor, lambda twist: twist.turning != 0)
    robot.send_to(Pose(3.0, 0.0, 0.0))  # behind the wall
    robot.steps_until(executor, lambda twist: twist == drive.Twist())
    assert robot.pose.x > -3.0
