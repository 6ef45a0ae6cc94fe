# SPDX-License-Identifier: Apache-2.0
"""Camera node that publishes photographs at a camera's rate: each in turn, or the one it is told to."""

from dataclasses import dataclass

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.ros.conversions.image_messages import rgb_to_image
from talk2dino_ros.ros.node.ros_context import ros_program
from talk2dino_ros.ros.parameters import parameter_set
from talk2dino_ros.ros.parameters.parameter_field import parameter
from talk2dino_ros.ros.parameters.parameter_set import ParameterError, Values
from talk2dino_ros.viz.pictures import read_folder


@dataclass(frozen=True)
class PhotoCameraParameters(Values):
    """Parameters of the photo camera."""

    folder: str = parameter(str(PHOTOS), "Folder of the photos.")
    rate_hz: float = parameter(5.0, "Publishing rate of the images.", low=0.01, high=1000.0)
    hold_s: float = parameter(1.0, "Seconds for which each photo is shown.", low=0.0, high=86400.0)
    photo: str = parameter("", "Name of the photo to show; empty: each in turn.", live=True)


class PhotoCamera(Node):
    """Publishes photographs as a camera.

    Parameters: those of PhotoCameraParameters.
    Publishers: image (sensor_msgs/Image, rgb8, best effort). The frame_id is the photograph's file name
    without its ending (with it where several have one name), so that a listener can tell which one a mask belongs to.
    Raises ParameterError where a parameter's start value is not allowed.
    """

    def __init__(self) -> None:
        super().__init__("photo_camera")
        parameter_set.declare(self, PhotoCameraParameters)
        for warning in parameter_set.unknown_names(self, PhotoCameraParameters):
            self.get_logger().warning(warning)
        settings = parameter_set.read(self, PhotoCameraParameters)
        self._photos, left_out = read_folder(settings.folder)
        for reason in left_out:
            self.get_logger().warning(reason)
        if refusal := self._refusal(settings.photo):
            raise ParameterError(refusal)
        self._shown_per_photo = max(1, round(settings.rate_hz * settings.hold_s))
        self._count = 0
        self._image_pub = self.create_publisher(Image, "image", qos_profile_sensor_data)
        self.create_timer(1 / settings.rate_hz, self._on_timer)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        photos = counted(len(self._photos), "photo")
        self.get_logger().info(f"showing {photos} of {settings.folder} at {settings.rate_hz:g} Hz")

    def _on_timer(self) -> None:
        in_turn = list(self._photos)[self._count // self._shown_per_photo % len(self._photos)]
        name = str(self.get_parameter("photo").value) or in_turn
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=name)
        self._image_pub.publish(rgb_to_image(self._photos[name], header))
        self._count += 1

    def _on_set_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        for change in changes:
            if change.name == "photo" and (refusal := self._refusal(change.value)):
                return SetParametersResult(successful=False, reason=refusal)
        return SetParametersResult(successful=True)

    def _refusal(self, photo: object) -> str:
        """Say why there is no such photo to show; "" where there is."""
        if photo in ("", *self._photos):
            return ""
        return f"photo is {photo!r}, expected one of {', '.join(self._photos)}, or '' for each in turn; choose one"


def run(args: list[str] | None = None) -> None:
    """Publish until interrupted."""
    with ros_program("photo_camera", args, PhotoCameraParameters):
        rclpy.spin(PhotoCamera())
