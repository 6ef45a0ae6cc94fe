# SPDX-License-Identifier: Apache-2.0
"""A robot that lives by itself, for clients in other threads and processes: sees a cup, drives where it is sent."""

import threading
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from geometry_msgs.msg import PoseStamped
from node_process import DEADLINE_S, REPOSITORY
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from scripted_world import LATCH, camera_mount, frame_at, place_of, remembered, set_stamp
from sensor_msgs.msg import CameraInfo, Image
from spinning_thread import SpinningThread
from std_srvs.srv import Trigger
from talk2dino_msgs.srv import Find
from tf2_msgs.msg import TFMessage

from talk2dino_ros.ros.node.enduring_executor import EnduringExecutor
from talk2dino_ros.ros.requests.request_desk import RequestDesk

PHOTO = REPOSITORY / "talk2dino_ros" / "demo" / "photos" / "coffee.jpg"
HEIGHT, WIDTH = 200, 300
DEPTH_M = 2.5  # of everything in the picture; the camera is 0.5 m before the robot's middle
PERIOD_S = 0.1


class RobotWorld:
    """Camera, depth, TF and what remembers, served by a thread.

    drives: whether the robot jumps to each goal_pose. places: what the memory answers. asked: words it was asked for.
    """

    def __init__(self, context: Any, namespace: str) -> None:
        self.node = node = Node("robot_world", context=context, namespace=namespace, use_global_arguments=False)
        self.drives, self.robot = True, (0.0, 0.0, 0.0)
        self.goals: list[PoseStamped] = []
        self.places = [remembered(4.0, 1.0)]
        self.asked: list[str] = []
        self.may_answer = threading.Event()  # to `broken`; nothing else goes on before it
        self._messages = _picture()
        self._image_pubs = [node.create_publisher(type(message), topic, 10) for topic, message in self._messages]
        self._tf_pub = node.create_publisher(TFMessage, "/tf", 100)
        self._static_pub = node.create_publisher(TFMessage, "/tf_static", LATCH)
        self._static_pub.publish(TFMessage(transforms=[camera_mount()]))
        node.create_subscription(PoseStamped, "goal_pose", self._on_goal, 10)
        node.create_service(Trigger, "broken", self._on_broken)
        node.create_service(Find, "memory/find", self._on_find)  # who knows it knows what was made before
        node.create_timer(PERIOD_S, self._show)
        # the memory's node has these, too: an answer waits for its reader, and one that cannot be given ends no robot
        desk = RequestDesk(node, Clock(clock_type=ClockType.STEADY_TIME), print)
        self._executor = EnduringExecutor(print, desk, context=context)
        self._executor.add_node(node)
        self._thread = SpinningThread(self._executor)

    def destroy(self) -> None:
        self._thread.end()
        self.node.destroy_node()

    def put_view_at(self, depth_m: float, robot: tuple[float, float, float] | None = None) -> None:
        """Move all that is in view to this distance, and the robot, between two images."""

        def put() -> None:
            self.robot = robot or self.robot
            self._messages[0] = ("depth", _depth(depth_m))

        self.call(put)

    def call(self, work: Callable[[], Any]) -> Any:
        """Run something in this world's thread; return what it returns."""
        task, end_s = self._executor.create_task(work), time.monotonic() + DEADLINE_S
        while not task.done():
            assert time.monotonic() < end_s
            time.sleep(0.001)
        return task.result()

    def _show(self) -> None:
        stamp_ns = time.time_ns()
        odom, base = (0.0, 0.0, 0.0), self.robot
        frames = [frame_at("map", "odom", odom, stamp_ns), frame_at("odom", "base_link", base, stamp_ns)]
        self._tf_pub.publish(TFMessage(transforms=frames))
        for publisher, (_topic, message) in zip(self._image_pubs, self._messages, strict=True):
            set_stamp(message.header.stamp, stamp_ns)
            publisher.publish(message)

    def _on_goal(self, goal: PoseStamped) -> None:
        self.goals.append(goal)
        if self.drives:
            self.robot = place_of(goal)

    def _on_find(self, request: Any, response: Any) -> Any:
        self.asked.append(request.class_name)
        places = [] if request.class_name == "unicorn" else self.places  # nobody has ever seen one
        response.success, response.places, response.map_id = True, places, "kitchen"
        response.header.frame_id, response.message = "map", f"{len(places)} places"
        return response

    def _on_broken(self, _request: Any, _response: Any) -> Any:
        self.may_answer.wait(DEADLINE_S)
        return Trigger.Response()


def _picture() -> list[tuple[str, Any]]:
    bgr = cv2.resize(cv2.imread(str(PHOTO)), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    image = Image(height=HEIGHT, width=WIDTH, step=3 * WIDTH, encoding="bgr8")
    image.data.frombytes(bgr.tobytes())
    info = CameraInfo(height=HEIGHT, width=WIDTH, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = [250.0, 0.0, (WIDTH - 1) / 2, 0.0, 250.0, (HEIGHT - 1) / 2, 0.0, 0.0, 1.0]
    for message in (image, info):
        message.header.frame_id = "camera"
    return [("depth", _depth(DEPTH_M)), ("camera_info", info), ("image", image)]


def _depth(depth_m: float) -> Image:
    depth = Image(height=HEIGHT, width=WIDTH, step=2 * WIDTH, encoding="16UC1")
    depth.header.frame_id = "camera"
    depth.data.frombytes(np.full((HEIGHT, WIDTH), 1000 * depth_m, np.uint16).tobytes())
    return depth
