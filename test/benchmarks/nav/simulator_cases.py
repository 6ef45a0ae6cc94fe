# SPDX-License-Identifier: Apache-2.0
"""The simulated robot as a node: its topics fit together, its clock waits, and it drives as it is told.

Run by test_own_process.py.
"""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PoseStamped, Twist
from nav_msgs.msg import OccupancyGrid
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from benchmarks.nav.floor_plan import INSCRIBED, floor_plan, inflate, value_at
from benchmarks.nav.room import PHOTOS, furnish
from benchmarks.nav.sim_world import aspects
from benchmarks.nav.simulator import Simulator
from benchmarks.nav.simulator_messages import msg_to_pose
from talk2dino_ros.goal.goal_messages import costmap_to_grid
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.perception.space.camera_model import CameraModel
from talk2dino_ros.ros.conversions.depth_messages import camera_info_to_model, depth_image_to_metres
from talk2dino_ros.ros.node.qos import LATCHED, RELIABLE
from talk2dino_ros.ros.node.ros_context import ros_context
from talk2dino_ros.ros.tf.transforms import Transform

SEED = 2
TOPICS = {"image": Image, "depth": Image, "camera_info": CameraInfo, "true_pose": PoseStamped, "/clock": Clock}
STEPS_PER_IMAGE = 5


class Listener(Node):
    """Everything that the simulator says, by topic; drives and acknowledges images where told to."""

    def __init__(self) -> None:
        super().__init__("listener")
        self.heard: dict[str, list] = {}
        latched = {"/tf_static": TFMessage, "costmap": OccupancyGrid}
        for name, kind in {**TOPICS, "/tf": TFMessage, **latched}.items():
            qos = LATCHED if name in latched else QoSProfile(depth=1000)
            self.create_subscription(kind, name, self.heard.setdefault(name, []).append, qos)
        self.twist_pub = self.create_publisher(Twist, "cmd_vel", QoSProfile(depth=10))
        self.mask_pub = self.create_publisher(Image, "mask", RELIABLE)


@pytest.fixture
def ends():
    values = {"seed": SEED, "mask_timeout_s": 0.6, "twist_timeout_s": 0.01, "odometry_error": 0.1}
    arguments = [part for name, value in values.items() for part in ("-p", f"{name}:={value}")]
    with ros_context(args=["--ros-args", *arguments]):
        simulator, listener = Simulator(), Listener()
        wait_for(listener, lambda: simulator.count_publishers("cmd_vel") and simulator.count_publishers("mask"))
        yield simulator, listener
        simulator.destroy_node()
        listener.destroy_node()


def wait_for(node: Node, condition, timeout_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        rclpy.spin_once(node, timeout_sec=0.05)


def send_twist(simulator: Simulator, listener: Listener, forwards: float, turning: float) -> None:
    message = Twist()
    message.linear.x, message.angular.z = forwards, turning
    listener.twist_pub.publish(message)
    wait_for(simulator, lambda: simulator._twist.forwards == forwards and simulator._twist.turning == turning)


def take_steps(simulator: Simulator, listener: Listener, count: int) -> None:
    for _ in range(count):
        simulator.step()
    wanted = simulator._steps
    wait_for(listener, lambda: len(listener.heard["true_pose"]) >= wanted and len(listener.heard["/tf"]) >= wanted)


def test_the_robot_drives_and_its_transforms_lead_to_where_it_truly_is(ends):
    simulator, listener = ends
    start = furnish(SEED, aspects(PHOTOS)).start
    send_twist(simulator, listener, 0.0, 0.8)
    take_steps(simulator, listener, 21)  # the first step's state is that before it
    truth = [msg_to_pose(message.pose) for message in listener.heard["true_pose"]]
    assert truth[0].point == start.point
    assert truth[20].yaw == pytest.approx(math.remainder(start.yaw + 0.8, math.tau))
    for message, true in zip(listener.heard["/tf"], truth, strict=False):
        (map_odom, odom_base) = message.transforms
        assert (map_odom.header.frame_id, map_odom.child_frame_id) == ("map", "odom")
        assert (odom_base.header.frame_id, odom_base.child_frame_id) == ("odom", "base_link")
        place = to_transform(map_odom.transform).apply(to_transform(odom_base.transform).translation)
        assert place[:2] == pytest.approx(true.point)
        yaw = to_transform(map_odom.transform).yaw + to_transform(odom_base.transform).yaw
        assert math.remainder(yaw - true.yaw, math.tau) == pytest.approx(0.0, abs=1e-9)
    drift = to_transform(listener.heard["/tf"][20].transforms[0].transform).yaw - start.yaw
    assert 1e-4 < abs(drift) < 0.2  # of 10 % in each step


def to_transform(message) -> Transform:
    rotation, translation = message.rotation, message.translation
    quaternion = (rotation.x, rotation.y, rotation.z, rotation.w)
    return Transform.from_quaternion(quaternion, (translation.x, translation.y, translation.z))


def test_image_depth_and_camera_info_have_one_stamp_and_show_the_room_in_the_map(ends):
    simulator, listener = ends
    take_steps(simulator, listener, 1)
    wait_for(listener, lambda: all(listener.heard[name] for name in ("image", "depth", "camera_info", "/tf_static")))
    image, depth, info = (listener.heard[name][0] for name in ("image", "depth", "camera_info"))
    assert image.header == depth.header == info.header
    assert Time.from_msg(image.header.stamp).nanoseconds == 10**9
    model: CameraModel = camera_info_to_model(info)
    rays = model.ray_grid().astype(np.float64)
    z = depth_image_to_metres(depth).astype(np.float64)
    mount = listener.heard["/tf_static"][0].transforms[0]
    assert (mount.header.frame_id, mount.child_frame_id) == ("base_link", image.header.frame_id)
    in_base = to_transform(mount.transform).apply(np.stack([rays[..., 0] * z, rays[..., 1] * z, z], axis=-1))
    robot = msg_to_pose(listener.heard["true_pose"][0].pose)
    in_map = in_map_of(in_base[np.isfinite(z)], robot)
    room = furnish(SEED, aspects(PHOTOS))
    inside = (abs(in_map[:, 0]) < room.width / 2 + 0.01) & (abs(in_map[:, 1]) < room.depth / 2 + 0.01)
    assert inside.mean() > 0.999
    on_floor = abs(in_map[:, 2]) < 0.005
    assert on_floor.mean() > 0.05
    assert in_map[:, 2].min() > -0.01


def in_map_of(points: np.ndarray, robot: Pose) -> np.ndarray:
    cos, sin = math.cos(robot.yaw), math.sin(robot.yaw)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return points @ turn.T + (robot.x, robot.y, 0.0)


def test_time_stands_still_until_the_mask_of_the_image_has_come(ends):
    simulator, listener = ends
    take_steps(simulator, listener, 1)
    wait_for(listener, lambda: listener.heard["image"])
    listener.mask_pub.publish(Image(header=listener.heard["image"][0].header))
    wait_for(simulator, lambda: simulator._mask_ns > 0)
    take_steps(simulator, listener, STEPS_PER_IMAGE - 1)
    began_s = time.monotonic()
    simulator.step()  # with an image, and nobody sends a mask
    assert time.monotonic() - began_s >= 0.6
    take_steps(simulator, listener, STEPS_PER_IMAGE - 1)
    ahead = Image()
    ahead.header.stamp = Time(seconds=100).to_msg()  # as if the mask had come already
    listener.mask_pub.publish(ahead)
    wait_for(simulator, lambda: simulator._mask_ns == 100 * 10**9)
    simulator._settings = replace(simulator._settings, mask_timeout_s=600.0)
    began_s = time.monotonic()
    simulator.step()
    assert time.monotonic() - began_s < 300.0


def test_an_image_whose_mask_stays_out_is_shown_again(ends, monkeypatch):
    """As where the segmenter pauses its masks for a new reader."""
    monkeypatch.setattr("benchmarks.nav.simulator.REPEAT_S", 0.05)
    simulator, listener = ends
    simulator._settings = replace(simulator._settings, mask_timeout_s=600.0)
    simulator._mask_ns = 1  # masks have come before
    waited, wait = [], simulator._wait

    def wait_and_have_the_mask_at_last(condition, timeout_s):
        wait(condition, timeout_s)
        waited.append(timeout_s)
        simulator._mask_ns = 10**9 if len(waited) == 3 else 1

    simulator._wait = wait_and_have_the_mask_at_last
    simulator.step()
    assert waited[:3] == [0.05] * 3
    wait_for(listener, lambda: len(listener.heard["image"]) > 2)
    assert {Time.from_msg(message.header.stamp).nanoseconds for message in listener.heard["image"]} == {10**9}


def test_the_clock_goes_by_the_steps_and_the_camera_sees_each_fifth(ends):
    simulator, listener = ends
    take_steps(simulator, listener, 11)
    wait_for(listener, lambda: len(listener.heard["image"]) >= 3 and len(listener.heard["/clock"]) >= 11)
    clock_ms = [Time.from_msg(message.clock).nanoseconds / 1e6 for message in listener.heard["/clock"]]
    assert clock_ms == [1000 + 50 * step for step in range(11)]
    image_ms = [Time.from_msg(message.header.stamp).nanoseconds / 1e6 for message in listener.heard["image"]]
    assert image_ms == [1000, 1250, 1500]


def test_the_robot_does_not_drive_through_walls_and_the_costmap_is_the_rooms(ends):
    simulator, listener = ends
    take_steps(simulator, listener, 1)
    simulator._steps_per_image = 10**6  # no further images
    costmap = inflate(floor_plan(furnish(SEED, aspects(PHOTOS)), "map"))
    for _ in range(12):
        send_twist(simulator, listener, 0.5, 0.0)
        take_steps(simulator, listener, 25)
    truth = [msg_to_pose(message.pose) for message in listener.heard["true_pose"]]
    assert all(value_at(costmap, *pose.point) < INSCRIBED for pose in truth)
    assert truth[-1].point == truth[-10].point  # it stands before something
    wait_for(listener, lambda: listener.heard["costmap"])
    heard = costmap_to_grid(listener.heard["costmap"][0])
    assert np.array_equal(heard.values, costmap.values)
    assert (heard.x, heard.y, heard.frame_id) == (costmap.x, costmap.y, "map")
    assert heard.resolution_m == pytest.approx(costmap.resolution_m)
