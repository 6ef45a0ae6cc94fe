# SPDX-License-Identifier: Apache-2.0
"""What `launch_test` runs for test_launch.py: the launch file, and a camera that shows one photograph."""

import time
import unittest
from pathlib import Path

import cv2
import launch_testing.asserts
import numpy as np
import rclpy
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_testing.actions import ReadyToTest
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import Image

ROOT = Path(__file__).parent.parent
PHOTO = ROOT / "talk2dino_ros" / "demo" / "photos" / "coffee.jpg"
PATIENCE_S = 240.0  # for loading the model on a busy machine
ARGUMENTS = {"model": "mini", "namespace": "robot", "image": "/front/image_raw", "vocabulary": "cup; !table"}


def generate_test_description() -> LaunchDescription:
    """Start the launch file as a user does, in a namespace and with a camera topic of another name."""
    source = PythonLaunchDescriptionSource(str(ROOT / "launch" / "segment.launch.py"))
    segment = IncludeLaunchDescription(source, launch_arguments=ARGUMENTS.items())
    return LaunchDescription([segment, ReadyToTest()])


def photograph() -> Image:
    """Return the photograph as a message, `bgr8`."""
    pixels = cv2.imread(str(PHOTO))
    image = Image(height=pixels.shape[0], width=pixels.shape[1], step=pixels.strides[0], encoding="bgr8")
    image.header.frame_id = "front_camera"
    image.data.frombytes(pixels.tobytes())
    return image


class StreamTest(unittest.TestCase):
    """While the node runs."""

    def setUp(self) -> None:
        rclpy.init()
        self.node = rclpy.create_node("front_camera")
        self.masks: list[Image] = []

    def tearDown(self) -> None:
        self.node.destroy_node()
        rclpy.shutdown()

    def test_a_mask_of_the_cup_arrives(self) -> None:
        publisher = self.node.create_publisher(Image, "/front/image_raw", qos_profile_sensor_data)
        self.node.create_subscription(Image, "/robot/talk2dino/mask", self.masks.append, QoSProfile(depth=1))
        image, deadline = photograph(), time.monotonic() + PATIENCE_S
        while not self.masks and time.monotonic() < deadline:
            image.header.stamp = self.node.get_clock().now().to_msg()
            publisher.publish(image)
            rclpy.spin_once(self.node, timeout_sec=0.2)
        assert self.masks, f"no mask came in {PATIENCE_S} s"
        mask = self.masks[0]
        assert mask.header.frame_id == "front_camera"
        assert (mask.encoding, mask.height, mask.width) == ("mono8", image.height, image.width)
        # One class and one distractor: the cup has the first id, the rest of the image is unlabeled.
        found = np.unique(np.frombuffer(mask.data, np.uint8)).tolist()
        assert found == [1, 255], f"the mask's ids are {found}"


@launch_testing.post_shutdown_test()
class EndTest(unittest.TestCase):
    """After the launch has ended the node."""

    def test_the_node_ends_with_exit_code_0(self, proc_info: launch_testing.ProcInfoHandler) -> None:
        launch_testing.asserts.assertExitCodes(proc_info)
        assert len(list(proc_info.process_names())) == 1
