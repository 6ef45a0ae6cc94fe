# SPDX-License-Identifier: Apache-2.0
"""The goal node and the real segmenter, between a photograph of a cup with depth and a robot that is moved by hand."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from node_process import REPOSITORY, NodeProcess
from scripted_world import ScriptedWorld, place_of, set_stamp
from sensor_msgs.msg import CameraInfo, Image
from talk2dino_msgs.msg import GoToState
from talk2dino_msgs.srv import GetVocabulary

NAMESPACE = "/real"
PHOTO = REPOSITORY / "talk2dino_ros" / "demo" / "photos" / "coffee.jpg"
DEPTH_M = 2.5
START_S = 120.0  # the model is loaded, on a busy machine


class Camera:
    """Shows the photograph, everything in it at one depth, twice a second."""

    def __init__(self, world: ScriptedWorld) -> None:
        bgr = cv2.imread(str(PHOTO))
        height, width = bgr.shape[:2]
        self._image = Image(height=height, width=width, step=3 * width, encoding="bgr8")
        self._image.data.frombytes(bgr.tobytes())
        self._depth = Image(height=height, width=width, step=2 * width, encoding="16UC1")
        self._depth.data.frombytes(np.full((height, width), 1000 * DEPTH_M, np.uint16).tobytes())
        self._info = CameraInfo(height=height, width=width, distortion_model="plumb_bob", d=[0.0] * 5)
        self._info.k = [500.0, 0.0, (width - 1) / 2, 0.0, 500.0, (height - 1) / 2, 0.0, 0.0, 1.0]
        self._world = world
        self._pubs = [
            (world.node.create_publisher(type(message), topic, 10), message)
            for topic, message in (("depth", self._depth), ("camera_info", self._info), ("image", self._image))
        ]
        world.node.create_timer(0.5, self._show)

    def _show(self) -> None:
        stamp_ns = self._world.now_ns()
        for publisher, message in self._pubs:
            set_stamp(message.header.stamp, stamp_ns)
            message.header.frame_id = "camera"
            publisher.publish(message)


@pytest.fixture
def world(start_node, context, tmp_path: Path):
    late = ("transform_timeout_s:=5.0", "depth_wait_s:=5.0")
    start_node("model:=mini", "vocabulary:=[dog, '!table']", "target_frame:=odom", *late, namespace=NAMESPACE)
    patient = [f"segmenter_timeout_s:={START_S}", f"timeout_s:={START_S}"]
    goal = NodeProcess(patient, NAMESPACE, tmp_path / "goal.txt", "talk2dino_ros.goal.goal_main")
    world = ScriptedWorld(context, NAMESPACE, goal, has_segmenter=False)
    world.wait_until_heard()
    yield world
    world.destroy()
    goal.stop()


def test_the_robot_is_sent_to_a_cup_that_nobody_had_named_before(world):
    Camera(world)
    world.wait_for(lambda: world.node.count_subscribers("image"), "the segmenter", START_S)
    handle = world.send("cup: cup, coffee cup", stand_off_m=1.0)
    world.wait_for(lambda: world.goals, "goal_pose", START_S)
    vocabulary = world.call(GetVocabulary, "talk2dino/get_vocabulary")
    assert list(vocabulary.classes) == ["dog", "!table", "?cup: cup, coffee cup"]
    x, y, yaw = place_of(world.goals[0])
    world.robot = (x, y, yaw)
    answer = world.result_of(handle)
    assert (answer.status, answer.result.state.value) == (GoalStatus.STATUS_SUCCEEDED, GoToState.REACHED)
    get = "talk2dino/get_vocabulary"
    world.wait_for(lambda: len(world.call(GetVocabulary, get).classes) == 2, "the word to be taken away again")
    tracked = answer.result.position.point
    # the camera is half a metre before the robot, and the cup is near the middle of the picture
    assert tracked.x == pytest.approx(0.5 + DEPTH_M, abs=0.01)
    assert abs(tracked.y) < 0.3
    assert math.dist((x, y), (tracked.x, tracked.y)) == pytest.approx(1.0, abs=1e-4)
    assert yaw == pytest.approx(math.atan2(tracked.y - y, tracked.x - x), abs=1e-4)
