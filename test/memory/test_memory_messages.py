# SPDX-License-Identifier: Apache-2.0
"""Patch features as the memory takes them, and what it makes messages of."""

import math
from array import array

import numpy as np
import pytest

pytest.importorskip("talk2dino_msgs")
from std_msgs.msg import Header
from talk2dino_msgs.msg import PatchFeatures
from visualization_msgs.msg import Marker

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.memory.memory_messages import (
    check_position,
    heat_to_cloud,
    place_to_msg,
    places_to_markers,
    pose_to_sensor_pose,
    sensor_pose_to_msg,
    to_seen_image,
)
from talk2dino_ros.perception.memory.feature_basis import unit_vectors
from talk2dino_ros.perception.memory.image_gate import RejectedImageError
from talk2dino_ros.perception.memory.place_finder import FoundPlace
from talk2dino_ros.perception.memory.sensor_pose import SensorPose

POSE = SensorPose((1.0, 2.0, 3.0), (0.5, 0.5, -0.5, 0.5))


def features(**changes) -> PatchFeatures:
    """Two patches of three dimensions, of an image of 32x16 pixels."""
    message = PatchFeatures(header=Header(frame_id="camera"), encoding="int8", target_frame="map", dimensions=3)
    message.header.stamp.sec = 7
    message.height, message.width = 1, 2
    message.data = array("B", np.array([[127, -1, 0], [2, 0, -128]], np.int8).tobytes())
    message.scales = [0.5, 2.0]
    message.image_height, message.image_width = 16, 32
    message.patch_height = message.patch_width = 16.0
    message.centres = [8.0, 8.0, 24.0, 8.0]
    message.points = [1.0, 2.0, 3.0, float("nan"), 0.0, 0.0]
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def seen(message: PatchFeatures):
    return to_seen_image(message, "camera", POSE)


def test_int8_features_are_codes_times_the_patchs_scale():
    image = seen(features())
    np.testing.assert_array_equal(image.features, [[63.5, -0.5, 0.0], [4.0, 0.0, -256.0]])
    np.testing.assert_array_equal(image.points, [[1, 2, 3], [np.nan, 0, 0]])
    np.testing.assert_array_equal(image.centres, [[8, 8], [24, 8]])
    assert (image.stamp_ns, image.camera, image.pose, image.patch_size) == (7 * 10**9, "camera", POSE, (16.0, 16.0))


def test_fp16_features_are_as_they_are():
    values = np.array([[1.5, -2.0, 0.25], [0.0, 65504.0, 1.0]], "<f2")
    message = features(encoding="fp16", scales=[], data=array("B", values.tobytes()))
    np.testing.assert_array_equal(seen(message).features, values.astype(np.float32))


def test_patches_are_in_the_pixels_of_the_picture():
    import cv2

    jpeg = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()  # half as high, a quarter as wide
    image = seen(features(jpeg=array("B", jpeg)))
    np.testing.assert_array_equal(image.centres, [[2, 4], [6, 4]])
    assert image.patch_size == (8.0, 4.0)
    assert image.jpeg == jpeg


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"encoding": "fp32"}, "fp16 or int8"),
        ({"data": [0] * 5}, "5 bytes, expected 6"),
        ({"scales": [1.0]}, "scales has 1 number, expected 2"),
        ({"points": []}, "points has 0 numbers, expected 6"),
        ({"centres": [0.0] * 3}, "centres has 3 numbers, expected 4"),
        ({"dimensions": 0}, "of 0 dimensions"),
        ({"height": 2**31, "width": 2**31}, "expected 1 to 65536 patches"),
        ({"image_width": 0}, "expected its size"),
    ],
)
def test_a_message_whose_parts_do_not_fit_is_refused(changes, sentence):
    with pytest.raises(ImageError, match=sentence):
        seen(features(**changes))


def test_a_patch_whose_pixel_is_not_known_has_no_place():
    image = seen(features(centres=[float("nan"), 8.0, 24.0, 8.0], points=[1.0] * 6))
    assert np.isnan(image.points[0]).all()
    assert (image.points[1] == 1).all()


def test_an_image_without_a_position_is_rejected_with_the_segmenters_reason():
    check_position(features())
    with pytest.raises(RejectedImageError, match="no transform from camera to map"):
        check_position(features(target_frame="", no_position_reason="no transform from camera to map"))


def test_a_pose_goes_there_and_back():
    assert pose_to_sensor_pose(sensor_pose_to_msg(POSE)) == POSE


def place(**changes) -> FoundPlace:
    values = {
        "keys": np.arange(3),
        "position": (1.0, 2.0, 0.5),
        "extent": (0.1, 0.2, 0.3),
        "covariance": tuple(range(9)),
        "score": 0.7,
        "margin": 0.1,
        "confidence": 0.9,
        "evidence": 12.5,
        "first_ns": 10**9 + 5,
        "last_ns": 2 * 10**9,
        "detections": 4,
        "view": 3,
    }
    return FoundPlace(**{**values, **changes})


def test_a_place_is_told_with_all_that_is_known_of_it():
    message = place_to_msg(8, place(), "mug", None)
    assert (message.id, message.class_name, message.voxels, message.detections) == (8, "mug", 3, 4)
    assert (message.position.x, message.position.y, message.position.z) == (1.0, 2.0, 0.5)
    assert (message.extent.x, message.extent.y, message.extent.z) == (0.1, 0.2, 0.3)
    assert list(message.position_covariance) == list(range(9))
    assert (message.first_seen.sec, message.first_seen.nanosec, message.last_seen.sec) == (1, 5, 2)
    values = (message.score, message.margin, message.confidence, message.evidence)
    assert values == pytest.approx((0.7, 0.1, 0.9, 12.5))


def test_markers_are_boxes_with_names_above_them():
    markers = places_to_markers([place_to_msg(1, place(), "mug", None)], Header(frame_id="map")).markers
    clear, box, name = markers
    assert clear.action == Marker.DELETEALL
    assert (box.scale.z, box.pose.position.z, box.header.frame_id) == (0.3, 0.5, "map")
    assert name.pose.position.z > 0.5 + 0.15
    assert name.text == "mug 90%"


def test_heat_is_a_point_with_its_score():
    cloud = heat_to_cloud(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([0.5, 0.25], np.float32), Header())
    assert (cloud.width, cloud.point_step, cloud.row_step) == (2, 16, 32)
    assert np.frombuffer(cloud.data, "<f4").tolist() == [1, 2, 3, 0.5, 4, 5, 6, 0.25]
    assert [field.name for field in cloud.fields] == ["x", "y", "z", "score"]
    assert len(heat_to_cloud(np.empty((0, 3)), np.empty(0, np.float32), Header()).data) == 0


def test_a_scale_that_is_no_number_leaves_the_other_patches_theirs():
    """Found by `python -m benchmarks.fuzz`: 0 times infinity was a warning of NumPy's in the node's log."""
    image = seen(features(scales=[math.inf, 0.5]))
    np.testing.assert_array_equal(image.features[1], [1.0, 0.0, -64.0])
    _, good = unit_vectors(image.features)
    assert good.tolist() == [False, True]
