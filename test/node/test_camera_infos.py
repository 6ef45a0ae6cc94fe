# SPDX-License-Identifier: Apache-2.0
"""Which camera_info counts for an image and for its depth."""

import numpy as np
import pytest
from depth_camera import (
    CENTRE,
    DEPTH_M,
    FOCAL,
    HEIGHT,
    PATIENT,
    WIDTH,
    depth_message,
    flat,
    impatient,
    info_message,
    points_of,
    reasons,
    see,
    show,
)
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from probe import LATCHED, find
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header
from talk2dino_msgs.msg import PointOfInterestArray


@pytest.fixture(scope="module")
def probe(start_node, make_probe):
    """A camera_info is published before the node subscribes, and kept for late joiners."""
    process = start_node(
        "model:=mini",
        "vocabulary:=[cup]",
        "background:=0.0",
        "camera_info_latest:=true",
        *PATIENT,
        "autostart:=false",
    )
    probe = make_probe(process)
    probe.infos = probe.node.create_publisher(CameraInfo, "camera_info", LATCHED)
    probe.infos.publish(info_message(Header(frame_id="camera")))
    probe.depths = probe.node.create_publisher(Image, "depth", 10)
    change(probe, Transition.TRANSITION_CONFIGURE)
    activate(probe)
    probe.points = probe.collect(PointOfInterestArray, "talk2dino/points_of_interest")
    probe.clouds = probe.collect(PointCloud2, "talk2dino/cloud")
    probe.settle()
    return probe


def change(probe, transition: int) -> None:
    assert probe.call(ChangeState, "talk2dino/change_state", transition=Transition(id=transition)).success


def activate(probe) -> None:
    change(probe, Transition.TRANSITION_ACTIVATE)
    probe.wait_until_active()
    for publisher in (probe.infos, probe.depths):
        probe.wait_for(publisher.get_subscription_count, "the node's subscriptions")


def test_a_latched_camera_info_from_before_the_node_is_used(probe):
    for _ in range(2):
        header = show(probe)
        probe.depths.publish(depth_message(header, flat()))
        assert all(point.has_position for point in points_of(probe, header).points)
        change(probe, Transition.TRANSITION_DEACTIVATE)
        activate(probe)


def test_a_camera_info_of_another_stamp_is_used_only_with_camera_info_latest(probe):
    see(probe, flat())

    def look():
        header = show(probe)
        probe.depths.publish(depth_message(header, flat()))
        return points_of(probe, header)

    check_that_latest_is_the_remedy(probe, look, "camera_info")


def test_a_camera_info_without_a_stamp_is_refused_with_a_remedy_that_works_at_once(probe):

    def look():
        header = show(probe)
        probe.infos.publish(info_message(Header(frame_id="camera")))
        probe.depths.publish(depth_message(header, flat()))
        return points_of(probe, header)

    words = "have the stamp 0, expected the image's; set camera_info_latest to true"
    check_that_latest_is_the_remedy(probe, look, words)


def check_that_latest_is_the_remedy(probe, look, words):
    """That images have no position and these words say why, until camera_info_latest is set."""
    assert probe.set_parameter("camera_info_latest", False).successful
    with impatient(probe, "depth_wait_s"):  # a busy machine may take longer for the depth, and that is the reason then
        probe.wait_for(lambda: words in reasons(look()).pop(), words)
    assert probe.set_parameter("camera_info_latest", True).successful
    assert {point.has_position for point in look().points} == {True}
    assert probe.set_parameter("camera_info_latest", False).successful


def test_a_camera_info_with_zero_focal_length_is_refused(probe):
    (reason,) = reasons(see(probe, flat(), focal=0.0))
    assert "focal lengths are 0 and 0" in reason


def test_depth_with_its_own_camera_info_is_projected_by_that(probe):
    """The last test, as depth has one of its own from then on: a narrow view, that sees the image's middle half."""
    own = probe.node.create_publisher(CameraInfo, "depth_camera_info", LATCHED)
    probe.wait_for(lambda: own.get_subscription_count() > 0, "the node's subscription")
    header = show(probe)
    probe.infos.publish(info_message(header))
    own.publish(info_message(header, focal=2 * FOCAL))
    probe.depths.publish(depth_message(header, flat()))
    cloud = probe.wait_for(lambda: find(probe.clouds, Time.from_msg(header.stamp).nanoseconds), "the cloud")
    values = np.frombuffer(cloud.data, np.uint8).reshape(HEIGHT, WIDTH, cloud.point_step)
    z = values[..., 8:12].copy().view(np.float32)[..., 0]
    rows, columns = np.indices(z.shape)
    sees = (abs(columns - CENTRE[0]) < WIDTH / 4) & (abs(rows - CENTRE[1]) < HEIGHT / 4)
    assert np.array_equal(np.isfinite(z), sees)
    assert np.allclose(z[sees], DEPTH_M)
