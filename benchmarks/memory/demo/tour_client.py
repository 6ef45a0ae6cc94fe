# SPDX-License-Identifier: Apache-2.0
"""Client of the demo: tour the room by goals, ask the memory by its services, go to what it knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import cv2
import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from talk2dino_msgs.srv import Find, RememberedView

from benchmarks.memory.demo.story import Asked, AskedPlace
from benchmarks.memory.furnished_rooms import Point
from benchmarks.nav.go_to_client import ANSWER_TIMEOUT_S, NavigationClient
from benchmarks.nav.metrics import Rgb
from benchmarks.nav.simulator_messages import MAP, pose_stamped
from talk2dino_ros.demo.processes import DemoError
from talk2dino_ros.goal.stand_off import Pose, is_within
from talk2dino_ros.ros.node.qos import RELIABLE

POSE_TIMEOUT_S = 600.0  # real time, for one goal of the tour: a busy machine drives slowly
THERE_M, THERE_RAD = 0.12, 0.1  # somewhat above what the stub drives to
TURNS = 3  # goals of a full turn: each is turned to the shorter way round


class TourClient(NavigationClient):
    """Drives the tour as a person with RViz would, by goal_pose, and asks the memory.

    Publisher: goal_pose. Subscription: memory/heat. Services: memory/find, memory/view, move (of the simulator).
    way: the robot's true poses since the start. heat: float32 [N, 4] of x, y, z and score for the last word asked.
    """

    def __init__(self, namespace: str, on_wait: Callable[[], None]) -> None:
        super().__init__(namespace, on_wait)
        self.way: list[Pose] = []
        self.heat: NDArray[np.float32] | None = None
        self._goal_pub = self.create_publisher(PoseStamped, "goal_pose", QoSProfile(depth=10))
        self._find = self.create_client(Find, "memory/find")
        self._view = self.create_client(RememberedView, "memory/view")
        self._move = self.create_client(Trigger, "move")
        self.create_subscription(PointCloud2, "memory/heat", self._on_heat, RELIABLE)

    def wait_until_ready(self, timeout_s: float) -> None:
        """Wait for all nodes; raise DemoError where they do not come."""
        super().wait_until_ready(timeout_s)
        for client in (self._find, self._view, self._move):
            self._wait(client.service_is_ready, timeout_s, f"the service {client.srv_name}")

    def drive_to(self, goal: Pose) -> None:
        """Send the robot to a pose and wait until it is there; raise DemoError where it does not come."""
        self._goal_pub.publish(pose_stamped(goal, Header(frame_id=MAP)))
        self._wait(lambda: self._is_at(goal), POSE_TIMEOUT_S, f"the robot to stand at ({goal.x:.1f}, {goal.y:.1f})")

    def look_around(self, way: list[tuple[float, float]]) -> None:
        """Drive to the end of a way and turn there once around."""
        (x, y), (end_x, end_y) = way[-2:]
        ahead = math.atan2(end_y - y, end_x - x)
        for turn in range(TURNS + 1):
            self.drive_to(Pose(end_x, end_y, math.remainder(ahead + turn * math.tau / TURNS, math.tau)))

    def ask(self, word: str, truths: Iterable[Point]) -> Asked:
        """Find a word in the memory, and see the best place's picture; raise DemoError where it refuses."""
        self.heat = None
        answer = self._call(self._find, Find.Request(class_name=word))
        self._wait(lambda: self.heat is not None, ANSWER_TIMEOUT_S, "the heat of the word")
        places = tuple(_asked_place(place) for place in answer.places)
        view = None
        if answer.places:
            seen = self._call(self._view, RememberedView.Request(id=answer.places[0].id))
            view = _decoded(bytes(seen.view.data))
        return Asked(word, tuple(truths), places, answer.message, view)

    def move_boards(self) -> None:
        """Have the standing boards put elsewhere."""
        self._call(self._move, Trigger.Request())

    def _call(self, client: Any, request: Any) -> Any:
        sent = client.call_async(request)
        self._wait(sent.done, ANSWER_TIMEOUT_S, f"the answer of {client.srv_name}")
        answer = sent.result()
        if not answer.success:
            raise DemoError(f"{client.srv_name} refuses: {answer.message}")
        return answer

    def _is_at(self, goal: Pose) -> bool:
        return self.pose is not None and is_within(self.pose, goal, THERE_M, THERE_RAD)

    def _on_true_pose(self, message: PoseStamped) -> None:
        super()._on_true_pose(message)
        if self.pose is not None and (not self.way or self.way[-1] != self.pose):
            self.way.append(self.pose)

    def _on_heat(self, message: PointCloud2) -> None:
        self.heat = np.frombuffer(bytes(message.data), np.float32).reshape(-1, 4)


def _asked_place(place: Any) -> AskedPlace:
    at, size = place.position, place.extent
    return AskedPlace(
        (at.x, at.y, at.z), (size.x, size.y, size.z), place.evidence, place.confidence, int(place.detections)
    )


def _decoded(jpeg: bytes) -> Rgb:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
