# SPDX-License-Identifier: Apache-2.0
"""Client of the demo: send goals by the goal node's action, and record the drive."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2
import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import Image
from talk2dino_msgs.action import GoTo
from talk2dino_msgs.msg import PointOfInterestArray

from benchmarks.nav.metrics import STAND_OFF_M, Leg
from benchmarks.nav.simulator_messages import MAP, msg_to_pose
from talk2dino_ros.client.go_to_run import STATES
from talk2dino_ros.demo.processes import DemoError
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.ros.conversions.image_pixels import image_to_rgb
from talk2dino_ros.ros.node.qos import SENSOR_DATA

VIEW_SIZE = (420, 315)
FIND_TIMEOUT_S = 240.0  # real time: a slow machine looks around slowly
ANSWER_TIMEOUT_S = 30.0
DRIVE_TIMEOUT_S = 600.0
REST_POSES = 10  # so many same poses in a row are a stop


class NavigationClient(Node):
    """Goes to objects by name, one after the other.

    Action: goal/go. Subscriptions: true_pose, goal_pose, goal_update, talk2dino/points_of_interest, talk2dino/overlay.
    """

    def __init__(self, namespace: str, on_wait: Callable[[], None]) -> None:
        """Make the client; `on_wait` is called all the time while waiting, and may raise."""
        super().__init__("demo_client", namespace=namespace)
        self._on_wait = on_wait
        self._leg: Leg | None = None
        self._now_s = 0.0
        self.pose: Pose | None = None
        self._points_came = False
        self._rested = 0
        self._action = ActionClient(self, GoTo, "goal/go")
        self.create_subscription(PoseStamped, "true_pose", self._on_true_pose, QoSProfile(depth=100))
        for topic in ("goal_pose", "goal_update"):
            self.create_subscription(PoseStamped, topic, self._on_goal, QoSProfile(depth=10))
        points = "talk2dino/points_of_interest"
        self.create_subscription(PointOfInterestArray, points, self._on_points, QoSProfile(depth=10))
        self.create_subscription(Image, "talk2dino/overlay", self._on_overlay, SENSOR_DATA)

    def wait_until_ready(self, timeout_s: float) -> None:
        """Wait for the goal node and the first points; raise DemoError where they do not come."""
        self._wait(lambda: self._points_came and self._action.server_is_ready(), timeout_s, "everything to start")

    def go_to(self, word: str, photo: str, memory: int = GoTo.Goal.LIVE) -> Leg:
        """Go to an object and return what happened until the robot stood still again; memory: as in GoTo."""
        leg = self._leg = Leg(word, photo, started_s=self._now_s, path=[self.pose] if self.pose else [])
        request = GoTo.Goal(
            class_name=word,
            which=GoTo.Goal.NEAREST,
            stand_off_m=STAND_OFF_M,
            keep_looking=True,
            timeout_s=FIND_TIMEOUT_S,
            memory=memory,
        )
        sent = self._action.send_goal_async(request, feedback_callback=self._on_feedback)
        self._wait(sent.done, ANSWER_TIMEOUT_S, "the goal node's answer")
        ended = sent.result().get_result_async()
        self._wait(ended.done, DRIVE_TIMEOUT_S, "the robot to arrive")
        self._rested = 0
        self._wait(lambda: self._rested >= REST_POSES, DRIVE_TIMEOUT_S, "the robot to stop")
        result = ended.result().result
        leg.ended_s, leg.state, leg.message = self._now_s, STATES[result.state.value], result.message
        leg.states.append((leg.state, leg.message))
        self._leg = None
        return leg

    def _wait(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            self._on_wait()
            if time.monotonic() > deadline_s:
                raise DemoError(f"waited {timeout_s:g} s for {what} in vain; see the logs above")
            rclpy.spin_once(self, timeout_sec=0.1)

    def _on_true_pose(self, message: PoseStamped) -> None:
        self._now_s = _seconds(message)
        self.pose = pose = msg_to_pose(message.pose)
        if self._leg:
            self._rested = self._rested + 1 if self._leg.path and self._leg.path[-1] == pose else 0
            self._leg.path.append(pose)

    def _on_feedback(self, message: Any) -> None:
        state, sentence = STATES[message.feedback.state.value], message.feedback.message
        if self._leg and (not self._leg.states or self._leg.states[-1][0] != state):
            self._leg.states.append((state, sentence))

    def _on_goal(self, message: PoseStamped) -> None:
        leg = self._leg
        if leg is None:
            return
        if not leg.goals:
            leg.found_s, leg.found_from = self._now_s, leg.path[-1]
        leg.goals.append(msg_to_pose(message.pose))

    def _on_points(self, message: PointOfInterestArray) -> None:
        self._points_came = True
        for point in message.points:
            if self._leg and point.class_name == self._leg.word and point.has_position and point.frame_id == MAP:
                self._leg.points.append((point.position.x, point.position.y, point.position.z))
                self._leg.seen_s = _seconds(message)

    def _on_overlay(self, message: Image) -> None:
        if self._leg and _seconds(message) >= self._leg.started_s:  # no view of before this word was asked for
            view = cv2.resize(image_to_rgb(message), VIEW_SIZE, interpolation=cv2.INTER_AREA)
            self._leg.views.append((_seconds(message), view))


def _seconds(message: Any) -> float:
    return float(Time.from_msg(message.header.stamp).nanoseconds) / 1e9
