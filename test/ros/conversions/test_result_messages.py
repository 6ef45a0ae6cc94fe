# SPDX-License-Identifier: Apache-2.0
"""image_messages.py and status_messages.py: labels, points of interest, markers and diagnostics."""

import pytest

pytest.importorskip("talk2dino_msgs.msg", reason="talk2dino_msgs is not built: its messages are not made")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from talk2dino_ros.perception.points_of_interest import PointOfInterest
from talk2dino_ros.perception.space.positions import Position
from talk2dino_ros.ros.conversions.image_messages import (
    points_to_markers,
    points_to_msg,
    vocabulary_to_label_info,
)
from talk2dino_ros.ros.conversions.status_messages import diagnostic_status
from talk2dino_ros.ros.watch.alarm import Alarm, AlarmLevel
from talk2dino_ros.viz.overlay import color_of

HEADER = Header(stamp=Time(sec=3, nanosec=7), frame_id="camera_optical")
VERSION = 1_700_000_000_123_456_789


def at(*xyz, frame_id="camera_optical"):
    return Position(xyz, tuple(number / 8 for number in range(9)), (0.25, 0.5, 0.75), frame_id)


def cup(position=None, **fields):
    return PointOfInterest(
        class_id=4,
        class_name="Tasse ☕",
        confidence=0.75,
        area_share=0.125,
        pixel=(320, 240),
        box=(300, 200, 50, 60),
        position=position,
        **fields,
    )


def over_the_wire(msg):
    return deserialize_message(serialize_message(msg), type(msg))


def test_label_info_lists_the_classes_by_id_and_its_stamp_is_the_version():
    info = over_the_wire(vocabulary_to_label_info({9: "chair", 0: "floor", 4: "Tür"}, VERSION, threshold=0.5))
    assert [(entry.class_id, entry.class_name) for entry in info.class_map] == [(0, "floor"), (4, "Tür"), (9, "chair")]
    assert (info.header.stamp.sec, info.header.stamp.nanosec) == (1_700_000_000, 123_456_789)
    assert info.header.stamp.sec * 10**9 + info.header.stamp.nanosec == VERSION
    assert info.threshold == 0.5


def test_label_info_without_a_threshold_says_0():
    info = vocabulary_to_label_info({}, 0, threshold=None, frame_id="front")
    assert (info.threshold, info.header.frame_id, info.class_map) == (0.0, "front", [])


def test_a_point_keeps_every_number_and_knows_its_vocabulary():
    msg = over_the_wire(points_to_msg([cup(at(0.5, -0.25, 2.0, frame_id="map"), object_id=9)], HEADER, VERSION))
    assert msg.header == HEADER
    assert msg.vocabulary_version == VERSION
    (point,) = msg.points
    assert (point.class_id, point.class_name) == (4, "Tasse ☕")
    assert (point.confidence, point.area_share) == (0.75, 0.125)
    assert (point.pixel_x, point.pixel_y) == (320, 240)
    assert (point.box.x_offset, point.box.y_offset, point.box.width, point.box.height) == (300, 200, 50, 60)
    assert point.has_position
    assert (point.position.x, point.position.y, point.position.z) == (0.5, -0.25, 2.0)
    assert point.position_covariance.tolist() == [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1]
    assert (point.extent.x, point.extent.y, point.extent.z) == (0.25, 0.5, 0.75)
    assert (point.frame_id, point.object_id, point.no_position_reason) == ("map", 9, "")
    assert point.vocabulary_version == VERSION


def test_a_point_without_depth_says_that_it_has_no_position_and_why():
    msg = over_the_wire(points_to_msg([cup(no_position_reason="no depth here")], HEADER, VERSION))
    (point,) = msg.points
    assert not point.has_position
    assert (point.no_position_reason, point.frame_id, point.object_id) == ("no depth here", "", 0)


def test_an_image_without_points_gives_an_empty_message_with_its_header():
    msg = points_to_msg([], HEADER, VERSION)
    assert (msg.header, msg.points) == (HEADER, [])


def test_markers_first_delete_the_old_ones():
    (marker,) = over_the_wire(points_to_markers([], HEADER)).markers
    assert marker.action == Marker.DELETEALL
    assert marker.header == HEADER


def test_a_point_with_a_position_is_a_ball_and_a_name_in_the_images_frame():
    _, ball, name = over_the_wire(points_to_markers([cup(at(0.5, -0.25, 2.0))], HEADER, diameter_m=0.2)).markers
    assert (ball.type, name.type) == (Marker.SPHERE, Marker.TEXT_VIEW_FACING)
    assert ball.header == name.header == HEADER
    assert (ball.pose.position.x, ball.pose.position.y, ball.pose.position.z) == (0.5, -0.25, 2.0)
    assert (ball.scale.x, ball.scale.y, ball.scale.z) == (0.2, 0.2, 0.2)
    assert ball.pose.orientation.w == name.pose.orientation.w == 1.0
    assert (round(255 * ball.color.r), round(255 * ball.color.g), round(255 * ball.color.b)) == color_of(4)
    assert ball.color.a > 0.5
    assert name.text == "Tasse ☕ 75%"
    assert (name.pose.position.x, name.pose.position.z) == (0.5, 2.0)
    assert name.pose.position.y == pytest.approx(-0.25 - 0.24)
    assert name.color.a == 1.0


def test_markers_are_in_the_frame_of_the_position_with_the_name_above():
    point = cup(at(1.0, 2.0, 0.5, frame_id="map"))
    _, ball, name = over_the_wire(points_to_markers([point], HEADER, diameter_m=0.2)).markers
    assert ball.header == name.header == Header(stamp=HEADER.stamp, frame_id="map")
    assert (name.pose.position.x, name.pose.position.y) == (1, 2)
    assert name.pose.position.z == pytest.approx(0.5 + 0.24)


def test_points_without_a_position_have_no_marker_and_the_others_have_their_own_ids():
    markers = points_to_markers([cup(), cup(at(0.0, 0.0, 1.0)), cup(at(0.0, 0.0, 2.0))], HEADER).markers[1:]
    assert sorted((marker.ns, marker.id) for marker in markers) == [
        ("names", 0),
        ("names", 1),
        ("points", 0),
        ("points", 1),
    ]


def test_diagnostics_carry_name_level_message_and_values_as_text():
    values = {"rate": 4.5, "model": "mini", "last error": None}
    alarms = (Alarm("masks", AlarmLevel.WARN, "12 frames dropped"),)
    status = over_the_wire(diagnostic_status("talk2dino: front", alarms, "segmenting", values, "cpu"))
    assert (status.name, status.hardware_id, status.message) == ("talk2dino: front", "cpu", "12 frames dropped")
    assert status.level == DiagnosticStatus.WARN
    assert [(value.key, value.value) for value in status.values] == [
        ("rate", "4.5"),
        ("model", "mini"),
        ("last error", "None"),
        ("alarm: masks", "WARN: 12 frames dropped"),
    ]


def test_without_alarms_a_status_says_what_is_going_on():
    status = over_the_wire(diagnostic_status("talk2dino: front", (), "segmenting", {}))
    assert (status.level, status.message, list(status.values)) == (DiagnosticStatus.OK, "segmenting", [])
