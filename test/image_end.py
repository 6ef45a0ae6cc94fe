# SPDX-License-Identifier: Apache-2.0
"""One end of the transport test, a process of its own: `publish` (reliable | best_effort) or `receive` images.

Prints a JSON object. The publisher repeats image 0 until the receiver, over a reliable topic, says that one
arrived; what is counted are the images 1 to COUNT that follow, each of which has a while to be heard of before the
next: where the receiver gets no processor, a reader of sensor data would lose what it has no room for.
"""

import json
import re
import sys
import time
from pathlib import Path

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import UInt8

COUNT = 40
WIDTH, HEIGHT = 1280, 720
PERIOD_S = 0.1
PATIENCE_S = 120.0  # for the start of the other end
LOST_S = 4.0  # what is not heard of by then is lost


def image_of(number: int) -> Image:
    """Make an image that shows its number in every byte."""
    image = Image(width=WIDTH, height=HEIGHT, step=3 * WIDTH, encoding="rgb8")
    image.header.frame_id = str(number)
    image.data.frombytes(bytes([number]) * (image.step * HEIGHT))
    return image


def largest_segment() -> int:
    """The size in bytes of the largest shared-memory segment of Fast DDS that this process has mapped."""
    mapped = re.findall(r"(?m)^(\w+)-(\w+) .*/dev/shm/fast(?:rtps|dds)_", Path("/proc/self/maps").read_text())
    return max((int(end, 16) - int(start, 16) for start, end in mapped), default=0)


def publish(node: Node, reliability: str) -> dict[str, int]:
    """Wait for the receiver, then send it the images; return how many were sent."""
    heard: list[UInt8] = []
    node.create_subscription(UInt8, "heard", heard.append, 100)
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy[reliability.upper()])
    publisher = node.create_publisher(Image, "image", qos)
    segment = largest_segment()

    def is_heard(number: int, patience_s: float) -> bool:
        deadline = time.monotonic() + patience_s
        while UInt8(data=number) not in heard and time.monotonic() < deadline:
            rclpy.spin_once(node, timeout_sec=PERIOD_S)
        return UInt8(data=number) in heard

    deadline, number = time.monotonic() + PATIENCE_S, 0
    publisher.publish(image_of(0))
    while not is_heard(0, PERIOD_S) and time.monotonic() < deadline:
        publisher.publish(image_of(0))
    while number < COUNT and heard:
        number += 1
        publisher.publish(image_of(number))
        is_heard(number, LOST_S)
    return {"sent": number, "segment": segment}


def receive(node: Node) -> dict[str, int | bool]:
    """Count the images until they have all come, or none has for a while."""
    images: dict[int, bool] = {}

    def on_image(image: Image) -> None:
        number = int(image.header.frame_id)
        images[number] = image.data == image_of(number).data
        heard_pub.publish(UInt8(data=number))

    heard_pub = node.create_publisher(UInt8, "heard", 100)
    node.create_subscription(Image, "image", on_image, qos_profile_sensor_data)
    last, deadline = -1, time.monotonic() + PATIENCE_S
    while COUNT not in images and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.5)
        if max(images, default=-1) > last:
            last, deadline = max(images), time.monotonic() + PATIENCE_S / 3
    end = time.monotonic() + LOST_S  # the publisher ends once it has heard of the last one, too
    while node.count_publishers("image") and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.05)
    return {"received": len(images.keys() - {0}), "intact": all(images.values())}


if __name__ == "__main__":
    rclpy.init()
    end = rclpy.create_node(sys.argv[1])
    print(json.dumps(publish(end, sys.argv[2]) if sys.argv[1] == "publish" else receive(end)))
    end.destroy_node()
    rclpy.shutdown()
