# SPDX-License-Identifier: Apache-2.0
"""Messages that are made without ROS are ROS's own, field for field and byte for byte."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")

from talk2dino_ros.ros.bags.bag_writer import to_cdr
from talk2dino_ros.ros.messages import message_classes
from talk2dino_ros.ros.messages.defined_classes import defined_class
from talk2dino_ros.ros.messages.message_definitions import (
    DEFINED_ELSEWHERE,
    DefinitionError,
    definition_of,
    typestore,
)

NAMES = [f"{package}/msg/{name}" for package, names in message_classes.PACKAGES.items() for name in names]


@pytest.mark.parametrize("name", NAMES)
def test_a_class_has_the_fields_and_defaults_of_ros(name):
    pytest.importorskip("rclpy")
    package, _, short = name.split("/")
    ros = getattr(pytest.importorskip(f"{package}.msg"), short)
    assert getattr(message_classes, short) is ros
    own = defined_class(name)
    assert list(own.FIELDS) == list(ros.get_fields_and_field_types())
    if package != "visualization_msgs":  # whose quaternions begin with w = 1
        assert bytes(to_cdr(own(), name, typestore())) == bytes(to_cdr(ros(), name, typestore()))
    with pytest.raises(TypeError, match="has no nonsense"):
        own(nonsense=1)


def test_bytes_are_those_that_ros_writes():
    """Of a message without gaps between its fields, which ROS leaves as they were."""
    serialization = pytest.importorskip("rclpy.serialization")
    from sensor_msgs.msg import Image
    from std_msgs.msg import Header

    image = Image(header=Header(frame_id="abc"), height=2, width=4, encoding="mono8xx", step=4)
    image.header.stamp.sec, image.header.stamp.nanosec = 7, 9
    image.data.frombytes(bytes(range(8)))
    written = bytes(to_cdr(image, "sensor_msgs/msg/Image", typestore()))
    again = serialization.deserialize_message(written, Image)
    assert again == image
    assert len(written) == len(serialization.serialize_message(image))


@pytest.mark.parametrize("name", DEFINED_ELSEWHERE)
def test_a_definition_has_the_sum_that_ros_has_for_its_type(name):
    """By which DDS and rosbag2 tell types apart."""
    packages = pytest.importorskip("ament_index_python.packages")
    package, _, short = name.split("/")
    described = json.loads((Path(packages.get_package_share_directory(package)) / "msg" / f"{short}.json").read_text())
    sums = {each["type_name"]: each["hash_string"] for each in described["type_hashes"]}
    assert typestore().hash_rihs01(name) == sums[name]


def test_a_definition_that_is_nowhere_is_told(monkeypatch):
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/nowhere")
    with pytest.raises(DefinitionError, match=r"expected Riddle\.msg; install this package by pip"):
        definition_of("acme_msgs/msg/Riddle")
    assert "VisionClass" in definition_of("vision_msgs/msg/LabelInfo")


def test_arrays_of_numbers_are_taken_as_any_sequence():
    point = defined_class("talk2dino_msgs/msg/PointOfInterest")(position_covariance=tuple(range(9)))
    raw = to_cdr(point, point.TYPE, typestore())
    found = typestore().deserialize_cdr(raw, point.TYPE)
    assert np.array_equal(found.position_covariance, np.arange(9.0))
