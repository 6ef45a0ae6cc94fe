# SPDX-License-Identifier: Apache-2.0
"""Positions of objects that the node publishes for a camera with depth, over real DDS and with real transforms."""

import numpy as np
import pytest
from depth_camera import (
    CENTRE,
    DEPTH_M,
    FOCAL,
    HEIGHT,
    PATIENT,
    PLACE,
    WIDTH,
    attach,
    depth_message,
    flat,
    impatient,
    info_message,
    points_of,
    reasons,
    see,
    show,
    to_map,
    transform,
)
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from probe import DEADLINE_S, checkerboard, find, raw_message, stamp_ns, to_array
from rclpy.time import Time
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header
from talk2dino_msgs.msg import TrackedObject
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection2DArray, Detection3DArray
from visualization_msgs.msg import MarkerArray


@pytest.fixture(scope="module")
def process(start_node):
    return start_node(
        "model:=mini",
        "vocabulary:=[cup, dog, car]",
        "background:=0.0",
        "target_frame:=map",
        *PATIENT,
        "diagnostics_period_s:=0.2",
        "new_confidence:=0.0",
        "keep_confidence:=0.0",
        "confirm_detections:=2",
        "confirm_window:=3",
    )


@pytest.fixture(scope="module")
def probe(process, make_probe):
    probe = make_probe(process)
    attach(probe)
    probe.clouds = probe.collect(PointCloud2, "talk2dino/cloud")
    probe.detections_2d = probe.collect(Detection2DArray, "talk2dino/detections_2d")
    probe.detections_3d = probe.collect(Detection3DArray, "talk2dino/detections_3d")
    probe.markers = probe.collect(MarkerArray, "talk2dino/markers")
    probe.diagnostics = probe.collect(DiagnosticArray, "/diagnostics")
    probe.settle()
    probe.mask_of(checkerboard(HEIGHT, WIDTH), probe.masks)
    return probe


def test_positions_are_where_ray_and_depth_put_them_in_the_target_frame(probe):
    points = see(probe, flat())
    assert points.points
    for point in points.points:
        assert point.has_position, point.no_position_reason
        assert point.frame_id == "map"
        box = point.box
        corners = [
            to_map(((x - CENTRE[0]) / FOCAL * DEPTH_M, (y - CENTRE[1]) / FOCAL * DEPTH_M, DEPTH_M))
            for x, y in ((box.x_offset, box.y_offset), (box.x_offset + box.width, box.y_offset + box.height))
        ]
        place = (point.position.x, point.position.y, point.position.z)
        assert place[0] == pytest.approx(PLACE[0] + DEPTH_M, abs=1e-4)
        assert np.all(np.array(place) >= np.min(corners, axis=0) - 1e-4)
        assert np.all(np.array(place) <= np.max(corners, axis=0) + 1e-4)


def test_depth_in_millimetres_gives_the_positions_of_depth_in_metres(probe):
    floats, integers = see(probe, flat()), see(probe, np.full((HEIGHT, WIDTH), 2500, np.uint16))
    places = [[(p.position.x, p.position.y, p.position.z) for p in points.points] for points in (floats, integers)]
    assert np.allclose(*places, atol=1e-5)


def test_depth_of_half_the_images_size_gives_nearly_the_same_positions(probe):
    full, half = see(probe, flat()), see(probe, flat()[::2, ::2])
    assert [point.class_name for point in full.points] == [point.class_name for point in half.points]
    for one, other in zip(full.points, half.points, strict=True):
        assert one.position.y == pytest.approx(other.position.y, abs=2 * DEPTH_M / FOCAL)


def test_an_object_seen_again_is_confirmed_and_detections_carry_its_id(probe):
    for _ in range(3):
        points = see(probe, flat())
    stamp = stamp_ns(points)
    objects = probe.wait_for(lambda: find(probe.objects, stamp), "the objects")
    assert objects.header.frame_id == "map"
    confirmed = {tracked.id: tracked for tracked in objects.objects if tracked.state == TrackedObject.CONFIRMED}
    assert {point.object_id for point in points.points} <= set(confirmed)
    in_space = probe.wait_for(lambda: find(probe.detections_3d, stamp), "the 3-D detections")
    in_image = probe.wait_for(lambda: find(probe.detections_2d, stamp), "the 2-D detections")
    assert (in_space.header.frame_id, in_image.header.frame_id) == ("map", "camera")
    assert [each.id for each in in_space.detections] == [str(point.object_id) for point in points.points]
    assert [each.bbox.size_x for each in in_image.detections] == [point.box.width for point in points.points]
    for point, each in zip(points.points, in_space.detections, strict=True):
        assert each.results[0].hypothesis.class_id == point.class_name
        assert each.bbox.center.position == point.position


def test_markers_are_in_the_target_frame_with_the_name_above_the_ball(probe):
    probe.markers.clear()
    see(probe, flat())
    markers = probe.wait_for(lambda: probe.markers, "the markers")[-1].markers
    balls, names = ([each for each in markers if each.ns == name] for name in ("points", "names"))
    assert balls
    for ball, name in zip(balls, names, strict=True):
        assert ball.header.frame_id == name.header.frame_id == "map"
        assert name.pose.position.z > ball.pose.position.z
        assert (name.pose.position.x, name.pose.position.y) == (ball.pose.position.x, ball.pose.position.y)


def test_the_cloud_has_the_masks_size_header_and_ids(probe):
    stamp = stamp_ns(see(probe, flat()))
    cloud = probe.wait_for(lambda: find(probe.clouds, stamp), "the cloud")
    mask = probe.wait_for(lambda: find(probe.masks, stamp), "the mask")
    assert cloud.header == mask.header
    assert (cloud.width, cloud.height) == (mask.width, mask.height)
    values = np.frombuffer(cloud.data, np.uint8).reshape(cloud.height, cloud.width, cloud.point_step)
    xyz = values[..., :12].copy().view(np.float32)
    assert np.array_equal(values[..., 16], to_array(mask))
    assert np.allclose(xyz[..., 2], DEPTH_M)
    rays = (np.arange(WIDTH) - CENTRE[0]) / FOCAL * DEPTH_M
    assert np.allclose(xyz[..., 0], rays, atol=1e-5)


@pytest.mark.parametrize("nothing", [0.0, np.nan, np.inf])
def test_depth_without_values_gives_no_position_and_the_reason(probe, nothing):
    assert all("no depth inside the region" in reason for reason in reasons(see(probe, flat(nothing))))


def test_a_leading_slash_in_the_depths_frame_is_ignored(probe):
    header = show(probe)
    probe.infos.publish(info_message(header))
    probe.depths.publish(depth_message(Header(stamp=header.stamp, frame_id="/camera"), flat()))
    assert all(point.has_position for point in points_of(probe, header).points)


def test_a_few_nans_in_the_depth_do_no_harm(probe):
    depth = flat()
    depth[::3, ::3] = np.nan
    assert all(point.has_position for point in see(probe, depth).points)


def test_an_image_without_depth_gives_the_time_to_the_nearest_depth_as_reason(probe):
    see(probe, flat())
    with impatient(probe, "depth_wait_s"):
        (reason,) = reasons(see(probe))
    assert "the nearest message on /robot/depth" in reason
    assert "before the image" in reason


def test_depth_of_another_stamp_is_not_used(probe):
    told = lambda: "300.0 ms after the image" in reasons(see(probe, flat(), offset_ns=300_000_000)).pop()  # noqa: E731
    with impatient(probe, "depth_wait_s"):
        probe.wait_for(told, "a depth that came in time")


def test_a_camera_frame_unknown_to_tf_gives_no_position_and_the_reason(probe):
    with impatient(probe, "transform_timeout_s"):
        (reason,) = reasons(see(probe, flat(), frame_id="nowhere"))
    assert "nowhere" in reason
    assert "map" in reason


def test_depth_that_comes_after_the_mask_is_waited_for(probe):
    header = show(probe)
    probe.infos.publish(info_message(header))
    masks = probe.wait_for(lambda: find(probe.masks, Time.from_msg(header.stamp).nanoseconds), "the mask")
    assert masks, "masks wait for no depth"
    probe.depths.publish(depth_message(header, flat()))
    assert all(point.has_position for point in points_of(probe, header).points)


def test_diagnostics_tell_why_positions_are_missing_until_they_are_there_again(probe):
    reason = reasons(see(probe, flat(0.0))).pop()

    def told():
        cameras = [status for array in probe.diagnostics for status in array.status if "camera" in status.name]
        return cameras and {pair.key: pair.value for pair in cameras[-1].values}["positions"]

    probe.wait_for(lambda: told() == reason, "the reason in /diagnostics", DEADLINE_S)
    assert all(point.has_position for point in see(probe, flat()).points)
    probe.wait_for(lambda: told() == "ok", "positions that are well again", DEADLINE_S)


def told_of_the_camera(probe, words, level=DiagnosticStatus.ERROR):
    """Whether the camera's newest status has this level and these words."""
    cameras = [status for array in probe.diagnostics for status in array.status if "camera" in status.name]
    return cameras and cameras[-1].level == level and words in cameras[-1].message


def test_images_in_a_body_frame_are_warned_of_with_the_remedy_and_logged_once(probe):
    """As Gazebo's are by default; its axes are the map's, so z points straight up."""
    body = transform("map", "camera_link")
    body.transform.rotation.x = body.transform.rotation.y = body.transform.rotation.z = 0.0
    body.transform.rotation.w = 1.0
    probe.static.publish(TFMessage(transforms=[transform("map", "camera"), body]))
    warned = "/robot/image are in the frame 'camera_link', whose z axis points 90 degrees upwards in 'map', expected an"

    def alarm():
        see(probe, flat(), frame_id="camera_link")
        return told_of_the_camera(probe, warned, DiagnosticStatus.WARN)

    probe.wait_for(alarm, "the warning", DEADLINE_S)
    seen = see(probe, flat(), frame_id="camera_link")
    assert all(point.has_position for point in seen.points)  # for it may look at the ceiling
    probe.wait_for(lambda: warned in probe.process.output, "the same in the log")
    see(probe, flat())
    probe.diagnostics.clear()
    probe.wait_for(lambda: told_of_the_camera(probe, "segmenting", DiagnosticStatus.OK), "its end", DEADLINE_S)
    assert probe.process.output.count(warned) == 1


def test_invalid_messages_are_dropped_and_the_node_goes_on(probe):
    """Stamps before all time, more pixels than any memory has, and bytes that are no message at all."""
    before_time = Header(frame_id="camera")
    before_time.stamp.sec = -1
    moving = probe.node.create_publisher(TFMessage, "/tf", 10)
    probe.wait_for(lambda: moving.get_subscription_count() > 0, "the node's TF")
    early = transform("map", "other")
    early.header.stamp.sec = -1
    moving.publish(TFMessage(transforms=[early]))
    probe.infos.publish(info_message(before_time))
    probe.depths.publish(depth_message(Header(), flat()))
    image = raw_message(checkerboard(HEIGHT, WIDTH))
    image.header = before_time
    depth = raw_message(checkerboard(HEIGHT, WIDTH))
    depth.header = before_time
    probe.depths.publish(depth)
    probe.depths.publish(Image(width=30000, height=30000, encoding="16UC1", step=60000))
    probe.wait_for(lambda: "declares 30000x30000 pixels" in probe.process.output, "the depth's pixels")
    huge = Image(width=32000, height=32000, encoding="mono8", step=32000)
    for message, words in (
        (image, "/robot/image was dropped: its stamp is -1 s"),
        (huge, "declares 32000x32000 pixels"),
    ):
        probe._image_pub("").publish(message)
        probe.wait_for(lambda words=words: words in probe.process.output, words)
        said = words.partition("dropped: ")[2] or words
        probe.wait_for(lambda said=said: told_of_the_camera(probe, said), "an error of the camera", DEADLINE_S)
    for publisher in (probe.infos, probe.depths, moving):
        publisher.publish(b"\x00\x01\x00\x00" + b"\xff" * 40)

    def told():
        nodes = [status for array in probe.diagnostics for status in array.status if status.name.endswith(": node")]
        return nodes and int({pair.key: pair.value for pair in nodes[-1].values}["messages dropped"]) >= 5

    probe.wait_for(told, "five dropped messages in /diagnostics", DEADLINE_S)
    assert "was dropped: its stamp is -1 s and 0 ns, expected 0 s or more" in probe.process.output
    assert "before all time" in probe.process.output
    assert "Traceback" not in probe.process.output, probe.process.output
    assert all(point.has_position for point in see(probe, flat()).points)
