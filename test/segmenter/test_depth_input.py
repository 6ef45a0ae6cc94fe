# SPDX-License-Identifier: Apache-2.0
"""What real topics bring beside an image: whether it fits, and the reason where it does not."""

import time

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.msg")

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from sensor_msgs.msg import CameraInfo, CompressedImage, Image  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from talk2dino_ros.segmenter.depth_input import DepthInput  # noqa: E402
from talk2dino_ros.segmenter.depth_topics import UnmatchedError  # noqa: E402
from talk2dino_ros.segmenter.frames import SegmentedFrame  # noqa: E402
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters  # noqa: E402

DEADLINE_S = 60.0
PARAMETERS = Parameters(depth_wait_s=0.0)


@pytest.fixture(scope="module")
def node():
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    node = Node("depth_input", context=context, use_global_arguments=False, start_parameter_services=False)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    node.serve = lambda: executor.spin_once(timeout_sec=0.02)
    yield node
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


def header(sec, frame_id="cam"):
    stamped = Header(frame_id=frame_id)
    stamped.stamp.sec = sec
    return stamped


FRAME = SegmentedFrame("", Image(header=header(5)), 0.0, np.zeros((2, 2, 3), np.uint8), result=None)


def depth(sec=5, frame_id="cam"):
    message = Image(header=header(sec, frame_id), width=2, height=2, encoding="16UC1", step=4)
    message.data.frombytes(b"\x00\x08" * 4)
    return message


def info(sec=5):
    k = [2.0, 0.0, 0.5, 0.0, 2.0, 0.5, 0.0, 0.0, 1.0]
    return CameraInfo(header=header(sec), width=2, height=2, distortion_model="none", k=k)


def wait_for(node, condition):
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        node.serve()


def reason_of(depth_input, parameters=PARAMETERS):
    with pytest.raises(UnmatchedError) as caught:
        depth_input.depth_of(FRAME, parameters)
    return str(caught.value)


def heard(node, name, *messages):
    """A depth input that has heard the messages."""
    depth_input = DepthInput(node, name, PARAMETERS)
    depth_input.start()
    publishers = {
        kind: node.create_publisher(kind, f"{name}/{topic}", 10)
        for kind, topic in ((Image, "depth"), (CameraInfo, "camera_info"))
    }
    for publisher in publishers.values():
        wait_for(node, lambda publisher=publisher: publisher.get_subscription_count())
    for message in messages:
        publishers[type(message)].publish(message)
        topic = depth_input._depths if isinstance(message, Image) else depth_input._infos
        wait_for(node, lambda topic=topic, message=message: topic.latest == message)
    return depth_input


def test_depth_of_another_type_names_it_and_the_way_back(node):
    depth_input = DepthInput(node, "packed", PARAMETERS)
    depth_input.start()
    context = rclpy.Context()  # one process in DDS has one type for a topic
    rclpy.init(context=context, args=[])
    driver = Node("driver", context=context, use_global_arguments=False)
    driver.create_publisher(CompressedImage, "packed/depth", 10)
    wait_for(node, lambda: depth_input.is_expected)
    reason = reason_of(depth_input)
    driver.destroy_node()
    rclpy.shutdown(context=context)
    assert reason.startswith("/packed/depth carries sensor_msgs/msg/CompressedImage, expected sensor_msgs/msg/Image; ")
    assert "republish compressedDepth raw" in reason


def test_depth_that_came_is_expected_until_the_next_start_also_where_its_publisher_has_gone(node):
    depth_input = DepthInput(node, "gone", PARAMETERS)
    depth_input.start()
    assert not depth_input.is_expected
    publisher = node.create_publisher(Image, "gone/depth", 10)
    wait_for(node, publisher.get_subscription_count)
    publisher.publish(depth())
    wait_for(node, lambda: depth_input._depths.latest)
    node.destroy_publisher(publisher)
    wait_for(node, lambda: not depth_input._depths.is_published)
    assert depth_input.is_expected
    assert "expected one within" in reason_of(depth_input)
    depth_input.stop()
    depth_input.start()
    assert not depth_input.is_expected


def test_depth_fits_whatever_slash_the_frame_begins_with(node):
    """2048 mm at a focal length of 2 pixels, by a camera_info that names no lens."""
    for name, frame_id in (("plain", "cam"), ("slash", "/cam")):
        depth_input = heard(node, name, info(), depth(frame_id=frame_id))
        points = depth_input.depth_of(FRAME, PARAMETERS).points()
        assert points[..., 2] == pytest.approx(2.048)
        assert points[0, 0, :2] == pytest.approx((-0.512, -0.512))


def test_depth_in_another_frame_is_refused(node):
    assert "in frame 'other' and the image in 'cam'" in reason_of(heard(node, "other", info(), depth(frame_id="other")))


def test_a_camera_info_without_a_stamp_or_sent_once_and_the_remedy_that_works(node):
    latest = Parameters(depth_wait_s=0.0, camera_info_latest=True)
    for name, sec, words in (("unset", 0, "have the stamp 0, expected"), ("once", 2, "only one message has come on")):
        depth_input = heard(node, name, info(sec), depth())
        reason = reason_of(depth_input)
        assert words in reason
        assert "set camera_info_latest to true" in reason
        assert depth_input.depth_of(FRAME, latest).points()[..., 2] == pytest.approx(2.048)


def test_depth_of_another_stamp_is_reported_by_its_time_difference(node):
    reason = reason_of(heard(node, "late", info(), depth(sec=6)))
    assert "the nearest message on /late/depth is 1000.0 ms after the image" in reason
