# SPDX-License-Identifier: Apache-2.0
"""Patch features as messages: every value is read back as numbers, by hand."""

import cv2
import numpy as np
import pytest
from std_msgs.msg import Header
from talk2dino_msgs.msg import PatchFeatures

from talk2dino_ros.engine.inference.image_patches import ImagePatches
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.patch_places import PatchPlaces
from talk2dino_ros.ros.conversions.feature_messages import describe_image, describe_places, patches_to_msg
from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS


def patches_of(features, size=(4.0, 6.0)):
    features = np.asarray(features, np.float16)
    height, width = features.shape[:2]
    centres = np.arange(height * width * 2, dtype=np.float32).reshape(height, width, 2)
    return ImagePatches(features, centres, size)


TWO_BY_THREE = patches_of([[[0.6, -0.8], [1, 0], [0, 0]], [[0, -1], [0.28, 0.96], [0.8, 0.6]]])


def test_half_floats_are_row_by_row_and_little_endian():
    message = patches_to_msg(TWO_BY_THREE, "fp16")
    assert (message.height, message.width, message.dimensions, message.encoding) == (2, 3, 2, "fp16")
    found = np.frombuffer(message.data, "<f2").reshape(2, 3, 2)
    np.testing.assert_array_equal(found, TWO_BY_THREE.features)
    assert bytes(message.data[4:6]) == b"\x00\x3c"  # 1.0
    assert len(message.scales) == 0


def test_bytes_times_their_patchs_scale_are_the_features_within_half_a_step():
    message = patches_to_msg(TWO_BY_THREE, "int8")
    codes = np.frombuffer(message.data, np.int8).reshape(6, 2)
    assert codes.tolist() == [[95, -127], [127, 0], [0, 0], [0, -127], [37, 127], [127, 95]]
    half = np.float16([0.8, 1, 0, 1, 0.96, 0.8]).astype(np.float64)
    np.testing.assert_allclose(message.scales, half / 127, rtol=1e-6)
    found = codes * np.array(message.scales)[:, None]
    assert np.all(abs(found - TWO_BY_THREE.features.reshape(6, 2)) <= np.array(message.scales)[:, None] / 2 + 1e-7)


@pytest.mark.parametrize("encoding", FIELDS["features_encoding"].metadata["choices"])
def test_what_the_parameter_allows_is_encoded_and_the_places_in_the_image_come_along(encoding):
    message = patches_to_msg(TWO_BY_THREE, encoding)
    assert message.encoding == encoding
    assert (message.patch_height, message.patch_width) == (4, 6)
    assert list(message.centres) == list(range(12))


def test_the_image_comes_with_its_header_its_size_and_a_picture_in_its_colours():
    message, header = PatchFeatures(), Header(frame_id="optical")
    header.stamp.sec = 7
    rgb = np.zeros((40, 80, 3), np.uint8)
    rgb[:, :40, 0] = rgb[:, 40:, 2] = 255
    describe_image(message, header, rgb)
    assert (message.header, message.image_height, message.image_width) == (header, 40, 80)
    picture = cv2.imdecode(np.frombuffer(message.jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert picture.shape == (40, 80, 3)
    assert np.all(abs(picture.astype(int) - rgb)[:, [*range(30), *range(50, 80)]] <= 10)


@pytest.mark.parametrize(
    ("size", "expected"), [((480, 640), (480, 640)), ((1080, 1920), (360, 640)), ((2000, 3), (640, 1))]
)
def test_a_picture_is_small(size, expected):
    message = PatchFeatures()
    describe_image(message, Header(), np.zeros((*size, 3), np.uint8))
    picture = cv2.imdecode(np.frombuffer(message.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[:2] == expected
    assert (message.image_height, message.image_width) == size


def test_points_and_pose_are_in_the_target_frame():
    message = PatchFeatures()
    points = np.array([[1, 2, 3], [np.nan] * 3], np.float32)
    describe_places(message, PatchPlaces("map", SensorPose((1.0, 2.0, 0.5), (-0.5, 0.5, -0.5, 0.5)), points))
    assert (message.target_frame, message.no_position_reason) == ("map", "")
    np.testing.assert_array_equal(np.reshape(message.points, (-1, 3)), points)
    pose = message.sensor_pose
    assert (pose.position.x, pose.position.y, pose.position.z) == (1.0, 2.0, 0.5)
    orientation = pose.orientation
    assert (orientation.x, orientation.y, orientation.z, orientation.w) == (-0.5, 0.5, -0.5, 0.5)


def test_without_a_position_the_message_says_why():
    message = PatchFeatures()
    describe_places(message, PatchPlaces("", None, np.full((2, 3), np.nan, np.float32), "no TF"))
    assert (message.target_frame, message.no_position_reason) == ("", "no TF")
    assert np.isnan(message.points).all()
    assert len(message.points) == 6
