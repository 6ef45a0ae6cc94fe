# SPDX-License-Identifier: Apache-2.0
"""A camera as a process of its own, as the transport check has to find it: `camera_end.py TOPIC TYPE WIDTHxHEIGHT`.

Publishes images of the type, best effort, ten a second, and a camera_info beside them, until it is ended. WIDTHxHEIGHT
of `silent` publishes nothing.
"""

import sys
import time

import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

PERIOD_S = 0.1


def main() -> None:
    topic, type_name, size = sys.argv[1:]
    rclpy.init(args=[])
    node = rclpy.create_node("camera")
    image_type = {"Image": Image, "CompressedImage": CompressedImage}[type_name]
    image_pub = node.create_publisher(image_type, topic, qos_profile_sensor_data)
    info_pub = node.create_publisher(CameraInfo, f"{topic.rpartition('/')[0]}/camera_info", qos_profile_sensor_data)
    width, height = map(int, size.split("x")) if size != "silent" else (0, 0)
    image = CompressedImage(format="jpeg")
    if type_name == "Image":
        image = Image(width=width, height=height, step=3 * width, encoding="rgb8")
        image.data.frombytes(bytes(3 * width * height))
    while True:
        if width:
            image_pub.publish(image)
            info_pub.publish(CameraInfo(width=width, height=height))
        rclpy.spin_once(node, timeout_sec=0.0)
        time.sleep(PERIOD_S)


if __name__ == "__main__":
    main()
