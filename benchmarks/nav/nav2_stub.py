# SPDX-License-Identifier: Apache-2.0
"""Stub of Nav2, for the demo alone: takes goals, plans by A*, drives by pure pursuit, looks around meanwhile.

On a robot Nav2 does all of this, and a behaviour tree looks around while the goal node is searching.
"""

from __future__ import annotations

import rclpy
from geometry_msgs.msg import PoseStamped
from geometry_msgs.msg import Twist as TwistMsg
from nav_msgs.msg import OccupancyGrid, Odometry
from rclpy.node import Node
from rclpy.qos import QoSProfile
from talk2dino_msgs.msg import GoToState

from benchmarks.nav.drive import Twist
from benchmarks.nav.pursuit import Pursuit
from benchmarks.nav.route import RouteError, plan_route
from benchmarks.nav.search import Search
from benchmarks.nav.simulator_messages import BASE, MAP, msg_to_pose, twist_to_msg
from talk2dino_ros.goal.goal_messages import costmap_to_grid, transform_to_pose
from talk2dino_ros.goal.grid import Grid
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.ros.node.qos import LATCHED
from talk2dino_ros.ros.node.ros_context import ros_program
from talk2dino_ros.ros.tf.open_transforms import open_transforms
from talk2dino_ros.ros.tf.transforms import TransformError

GOES_ON = (
    GoToState.SEEN,
    GoToState.LOST,
    GoToState.REACHED,
    GoToState.REMEMBERED,
    GoToState.VERIFYING,
    GoToState.GONE,
)  # the goal stands, and is driven to


class Nav2Stub(Node):
    """Drives where the goal node wants, and looks around while that is searching.

    Publishers: cmd_vel, once for each odometry. Subscriptions: goal/state, goal_pose, goal_update (all in the map),
    costmap, odom; where the robot is comes from TF.
    """

    def __init__(self) -> None:
        super().__init__("nav2_stub")
        self._transforms = open_transforms(self)
        self._costmap: Grid | None = None
        self._task: Pursuit | Search | None = None
        self._twist_pub = self.create_publisher(TwistMsg, "cmd_vel", QoSProfile(depth=10))
        # the state first: callbacks are served in this order, and a goal that comes with SEARCHING is the newer one
        self.create_subscription(GoToState, "goal/state", self._on_state, LATCHED)
        for topic in ("goal_pose", "goal_update"):
            self.create_subscription(PoseStamped, topic, self._on_goal, QoSProfile(depth=10))
        self.create_subscription(OccupancyGrid, "costmap", self._on_costmap, LATCHED)
        self.create_subscription(Odometry, "odom", self._on_odometry, QoSProfile(depth=1))

    def _on_costmap(self, message: OccupancyGrid) -> None:
        self._costmap = costmap_to_grid(message)

    def _on_state(self, state: GoToState) -> None:
        if state.value == GoToState.SEARCHING and self._costmap:
            self._task = Search(self._costmap)
        elif state.value not in GOES_ON:
            self._task = None

    def _on_goal(self, message: PoseStamped) -> None:
        goal = msg_to_pose(message.pose)
        robot = self._robot()
        if self._costmap is None or robot is None:
            self.get_logger().warning("a goal came before the costmap or the robot's place is known, and is dropped")
            return
        try:
            self._task = Pursuit(plan_route(self._costmap, robot.point, goal.point), goal.yaw)
        except RouteError as error:
            self.get_logger().warning(str(error))
            self._task = None

    def _on_odometry(self, _odometry: Odometry) -> None:
        robot = self._robot()
        twist = self._task.drive(robot) if self._task and robot else Twist()
        self._twist_pub.publish(twist_to_msg(twist))

    def _robot(self) -> Pose | None:
        try:
            return transform_to_pose(self._transforms.lookup(MAP, BASE, None))
        except TransformError as error:
            self.get_logger().warning(str(error), throttle_duration_sec=5.0)
            return None


def main(args: list[str] | None = None) -> None:
    """Run until interrupted."""
    with ros_program("nav2_stub", args):
        rclpy.spin(Nav2Stub())


if __name__ == "__main__":
    main()
