# SPDX-License-Identifier: Apache-2.0
"""Publish test images for the transport check, in a process of its own with the transport variables of its environment.

    python -m talk2dino_ros.segmenter.transport.transport_probe TOPIC BYTES COUNT

It prints how many it sent, 0 where nobody subscribed. Only another process than the node's can show how images pass
between processes, and a transport is chosen once per process, by its environment.
"""

import sys
import time
from array import array

import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

PERIOD_S = 0.1  # slower than any segment needs to be emptied
PATIENCE_S = 5.0
LINGER_S = 0.5  # the last image may still be on its way
QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def send(topic: str, size: int, count: int) -> int:
    """Publish images of `size` bytes once someone subscribes; return how many."""
    node = rclpy.create_node("transport_probe")
    publisher = node.create_publisher(Image, topic, QOS)
    image = Image(height=1, width=size, step=size, encoding="mono8")
    image.data = array("B", [0]) * size  # in place: a copy would be as large again
    end_s = time.monotonic() + PATIENCE_S
    while not publisher.get_subscription_count() and time.monotonic() < end_s:
        rclpy.spin_once(node, timeout_sec=0.05)
    sent = count if publisher.get_subscription_count() else 0
    for _ in range(sent):
        time.sleep(PERIOD_S)  # before the first too, as the subscriber's side may learn of this one later
        publisher.publish(image)
    time.sleep(LINGER_S)
    node.destroy_node()
    return sent


def main() -> None:
    """Run as the transport check starts it."""
    topic, size, count = sys.argv[1:]
    rclpy.init(args=[])
    print(send(topic, int(size), int(count)))
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
