# SPDX-License-Identifier: Apache-2.0
"""A camera that shows photographs, at a camera's rate: each for a while in turn, or the one it is told to."""

import sys

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from talk2dino_ros.conversions import rgb_to_image
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.pictures import find_pictures, read_picture


class PhotoCamera(Node):
    """Publishes photographs as a camera.

    Parameters: folder (of pictures), rate_hz, hold_s (how long each photograph is shown),
    photo (live: the name of the one to show; empty: each in turn).
    Publishers: image (sensor_msgs/Image, rgb8, best effort). The frame_id is the photograph's file name
    without its ending, so that a listener can tell which one a mask belongs to.
    """

    def __init__(self) -> None:
        super().__init__("photo_camera")
        folder = str(self.declare_parameter("folder", str(PHOTOS)).value)
        rate_hz = float(self.declare_parameter("rate_hz", 5.0).value)
        hold_s = float(self.declare_parameter("hold_s", 1.0).value)
        self.declare_parameter("photo", "")
        self._photos = {path.stem: read_picture(path) for path in find_pictures(folder)}
        self._shown_per_photo = max(1, round(rate_hz * hold_s))
        self._count = 0
        self._image_pub = self.create_publisher(Image, "image", qos_profile_sensor_data)
        self.create_timer(1 / rate_hz, self._on_timer)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self.get_logger().info(f"showing {len(self._photos)} photographs of {folder} at {rate_hz:g} Hz")

    def _on_timer(self) -> None:
        in_turn = list(self._photos)[self._count // self._shown_per_photo % len(self._photos)]
        name = str(self.get_parameter("photo").value) or in_turn
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=name)
        self._image_pub.publish(rgb_to_image(self._photos[name], header))
        self._count += 1

    def _on_set_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        for change in changes:
            if change.name == "photo" and change.value not in ("", *self._photos):
                reason = f"photo is {change.value!r}, expected one of {', '.join(self._photos)}, or '' for each in turn"
                return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)


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
