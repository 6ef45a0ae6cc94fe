# SPDX-License-Identifier: Apache-2.0
"""A camera that shows photographs: each for a while, at a camera's rate, over and over."""

import sys
from pathlib import Path

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from talk2dino_ros.conversions import rgb_to_image
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.pictures import find_pictures, read_picture

PHOTOS = Path(__file__).parent / "photos"


class PhotoCamera(Node):
    """Publishes photographs as a camera.

    Parameters: folder (of pictures), rate_hz, hold_s (how long each photograph is shown).
    Publishers: image (sensor_msgs/Image, rgb8, best effort). The frame_id is the photograph's file name
    without its ending, so that a listener can tell which one a mask belongs to.
    """

    def __init__(self) -> None:
        super().__init__("photo_camera")
        folder = str(self.declare_parameter("folder", str(PHOTOS)).value)
        rate_hz = float(self.declare_parameter("rate_hz", 5.0).value)
        hold_s = float(self.declare_parameter("hold_s", 1.0).value)
        self._photos = [(path.stem, read_picture(path)) for path in find_pictures(folder)]
        self._shown_per_photo = max(1, round(rate_hz * hold_s))
        self._count = 0
        self._image_pub = self.create_publisher(Image, "image", qos_profile_sensor_data)
        self.create_timer(1 / rate_hz, self._on_timer)
        self.get_logger().info(f"showing {len(self._photos)} photographs of {folder} at {rate_hz:g} Hz")

    def _on_timer(self) -> None:
        name, rgb = self._photos[self._count // self._shown_per_photo % len(self._photos)]
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=name)
        self._image_pub.publish(rgb_to_image(rgb, header))
        self._count += 1


def main(args: list[str] | None = None) -> None:
    """Run until interrupted."""
    try:
        with rclpy.init(args=args):
            rclpy.spin(PhotoCamera())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Talk2DinoError as error:
        sys.exit(f"photo_camera: {error}")


if __name__ == "__main__":
    main()
