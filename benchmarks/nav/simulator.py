# SPDX-License-Identifier: Apache-2.0
"""Simulator node: publish what a real robot's drivers and localisation do.

Time is simulated, and stands still while the segmenter works on an image: so a run is the same on a slow machine and
on a fast one. Each step is 1 / control_rate_hz; every few steps the camera takes an image.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import rclpy
from geometry_msgs.msg import PoseStamped
from geometry_msgs.msg import Twist as TwistMsg
from nav_msgs.msg import OccupancyGrid
from nav_msgs.msg import Odometry as OdometryMsg
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from benchmarks.nav import simulator_messages as messages
from benchmarks.nav.drive import Odometry, Twist, frame_between, moved
from benchmarks.nav.floor_plan import INSCRIBED, floor_plan, inflate, value_at
from benchmarks.nav.room import PHOTOS, Room, furnish
from benchmarks.nav.sim_world import World, aspects
from benchmarks.nav.simulator_messages import BASE, CAMERA, MAP, ODOM
from talk2dino_ros.ros.conversions.image_messages import rgb_to_image
from talk2dino_ros.ros.node.qos import LATCHED, RELIABLE
from talk2dino_ros.ros.node.ros_context import ros_program
from talk2dino_ros.ros.parameters import parameter_set
from talk2dino_ros.ros.parameters.parameter_field import parameter
from talk2dino_ros.ros.parameters.parameter_set import Values

REPEAT_S = 5.0  # of real time: a mask may stay out, as where the segmenter pauses for a new reader of masks
START_S = 1.0  # simulated time of the first step: zero means "no time yet" to ROS


@dataclass(frozen=True)
class SimulatorParameters(Values):
    """Parameters of the simulator."""

    seed: int = parameter(0, "Random seed of the room.", low=0, high=2**31 - 1)
    control_rate_hz: float = parameter(20.0, "Simulation steps per second of simulated time.", low=1.0, high=1000.0)
    image_rate_hz: float = parameter(4.0, "Images per second of simulated time.", low=0.01, high=1000.0)
    odometry_error: float = parameter(0.02, "Odometry error as a fraction of each step.", low=0.0, high=1.0)
    mask_timeout_s: float = parameter(30.0, "Maximum wait for a mask, in seconds of real time.", low=0.0, high=3600.0)
    twist_timeout_s: float = parameter(
        0.5, "Maximum wait for a velocity command, in seconds of real time.", low=0.0, high=3600.0
    )


def demo_room(seed: int) -> Room:
    """Furnish the room of `make demo-nav`."""
    return furnish(seed, aspects(PHOTOS))


class Simulator(Node):
    """A robot with two driven wheels and an RGB-D camera.

    Parameters: those of SimulatorParameters.
    Publishers: image (rgb8), depth (32FC1, registered), camera_info, odom, costmap (latched), true_pose (which no
    robot has: for scoring), /tf (map -> odom -> base_link), /tf_static (the camera), /clock.
    Subscriptions: cmd_vel, mask (whose stamp tells that an image is done).
    seed: of the room. Raises ParameterError where a parameter's start value is not allowed.
    """

    def __init__(self, room_of: Callable[[int], Room] = demo_room) -> None:
        """Take what furnishes the room of a seed."""
        super().__init__("simulator")
        parameter_set.declare(self, SimulatorParameters)
        self._settings = settings = parameter_set.read(self, SimulatorParameters)
        self._step_s = 1 / settings.control_rate_hz
        self._steps_per_image = max(1, round(settings.control_rate_hz / settings.image_rate_hz))
        self.seed = settings.seed
        room = room_of(self.seed)
        self._world = World(room)
        self._costmap = inflate(floor_plan(room, MAP))
        self._pose = room.start
        self._odometry = Odometry(settings.odometry_error, settings.seed)
        self._twist = Twist()
        self._steps = 0
        self._twists = 0
        self._mask_ns = 0
        self._make_ends()

    def _make_ends(self) -> None:
        # reliable: a lost image would be waited for in vain
        self._image_pub = self.create_publisher(Image, "image", RELIABLE)
        self._depth_pub = self.create_publisher(Image, "depth", RELIABLE)
        self._info_pub = self.create_publisher(CameraInfo, "camera_info", RELIABLE)
        self._odom_pub = self.create_publisher(OdometryMsg, "odom", QoSProfile(depth=10))
        self._true_pose_pub = self.create_publisher(PoseStamped, "true_pose", QoSProfile(depth=100))
        self._clock_pub = self.create_publisher(Clock, "/clock", QoSProfile(depth=10))
        self._tf_pub = self.create_publisher(TFMessage, "/tf", QoSProfile(depth=100))
        self._static_pub = self.create_publisher(TFMessage, "/tf_static", LATCHED)
        self._costmap_pub = self.create_publisher(OccupancyGrid, "costmap", LATCHED)
        self._static_pub.publish(messages.camera_mount())
        self._publish_costmap()
        self.create_subscription(TwistMsg, "cmd_vel", self._on_twist, QoSProfile(depth=10))
        self.create_subscription(Image, "mask", self._on_mask, RELIABLE)

    def step(self) -> None:
        """Say where the robot is, show what it sees, hear how to drive, and drive for one step."""
        twists = self._twists
        self._publish_state()
        if self._steps % self._steps_per_image == 0:
            self._take_image()
        if self.count_publishers("cmd_vel"):
            self._wait(lambda: self._twists > twists, self._settings.twist_timeout_s)
        self._drive()
        self._steps += 1

    def destroy_node(self) -> None:
        """Remove the node from the ROS graph, and free what draws: left to itself, it ends another's drawing."""
        super().destroy_node()
        self._world.close()

    def refurnish(self, room: Room) -> None:
        """Put the robot as it stands into another room, and say where one can drive there."""
        self._world.close()
        self._world, self._costmap = World(room), inflate(floor_plan(room, MAP))
        self._publish_costmap()

    def _publish_costmap(self) -> None:
        self._costmap_pub.publish(messages.grid_to_msg(self._costmap, self._now().to_msg()))

    def _now(self) -> Time:
        return Time(nanoseconds=round((START_S + self._steps * self._step_s) * 1e9))

    def _publish_state(self) -> None:
        """Publish transforms, then odometry and clock, whose readers find them."""
        stamp = self._now().to_msg()
        seen_as = self._odometry.pose
        frames = [(MAP, ODOM, frame_between(self._pose, seen_as)), (ODOM, BASE, seen_as)]
        self._tf_pub.publish(messages.transforms(stamp, frames))
        self._clock_pub.publish(Clock(clock=stamp))
        self._true_pose_pub.publish(messages.pose_stamped(self._pose, Header(stamp=stamp, frame_id=MAP)))
        self._odom_pub.publish(messages.odometry(seen_as, self._twist, stamp))

    def _take_image(self) -> None:
        now = self._now()
        header = Header(stamp=now.to_msg(), frame_id=CAMERA)
        rgb, depth = self._world.render(self._pose)
        # while the segmenter loads its model, time goes on as in reality
        patience_s = self._settings.mask_timeout_s if self._mask_ns else self._step_s * self._steps_per_image
        end_s = time.monotonic() + patience_s
        while True:
            self._depth_pub.publish(messages.depth_to_image(depth, header))
            self._info_pub.publish(messages.camera_info(header))
            self._image_pub.publish(rgb_to_image(rgb, header))
            self._wait(lambda: self._mask_ns >= now.nanoseconds, min(REPEAT_S, end_s - time.monotonic()))
            if self._mask_ns >= now.nanoseconds or time.monotonic() >= end_s:
                return

    def _drive(self) -> None:
        """Drive on, unless the robot would touch something."""
        pose = moved(self._pose, self._twist, self._step_s)
        if value_at(self._costmap, pose.x, pose.y) >= INSCRIBED and pose.point != self._pose.point:
            self.get_logger().warning("the robot bumped into something and stopped", throttle_duration_sec=1.0)
            self._twist = Twist()
            return
        self._odometry.drive(self._twist, self._step_s)
        self._pose = pose

    def _wait(self, condition: Callable[[], bool], timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < deadline_s:
            rclpy.spin_once(self, timeout_sec=0.05)

    def _on_twist(self, message: TwistMsg) -> None:
        self._twist = Twist(message.linear.x, message.angular.z).limited()
        self._twists += 1

    def _on_mask(self, message: Image) -> None:
        self._mask_ns = max(self._mask_ns, Time.from_msg(message.header.stamp).nanoseconds)


def main(args: list[str] | None = None) -> None:
    """Run until interrupted."""
    with ros_program("simulator", args):
        simulator = Simulator()
        while rclpy.ok():
            simulator.step()


if __name__ == "__main__":
    main()
