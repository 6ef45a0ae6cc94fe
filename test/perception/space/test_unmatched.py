# SPDX-License-Identifier: Apache-2.0
"""Why nothing belongs to an image: the reason that is true, and the remedy that works for it."""

import pytest

from talk2dino_ros.perception.space.unmatched import Heard, why_unmatched

OTHERWISE = "the nearest message is 90.0 ms before the image"
IMAGE, INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"


def depth(**fields):
    return Heard(
        **{"topic": "/d", "types": (IMAGE,), "expected_type": IMAGE, "count": 9, "newest_ns": 5, **fields},
        may_be_latest=False,
    )


def info(**fields):
    return Heard(
        **{"topic": "/i", "types": (INFO,), "expected_type": INFO, "count": 9, "newest_ns": 5, **fields},
        may_be_latest=True,
    )


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        ("sensor_msgs/msg/CompressedImage", "republish compressedDepth raw"),
        ("sensor_msgs/msg/PointCloud2", "remap to the depth image that the cloud was made of"),
        ("stereo_msgs/msg/DisparityImage", "remap to a topic of that type"),
    ],
)
def test_a_depth_topic_of_another_type_is_the_reason(found, remedy):
    sentence = why_unmatched(depth(types=(found,), count=0, newest_ns=None), OTHERWISE)
    assert sentence.startswith(f"/d carries {found}, expected {IMAGE}; ")
    assert remedy in sentence


def test_a_stamp_of_0_is_the_reason():
    sentence = why_unmatched(info(newest_ns=0), OTHERWISE)
    assert "the messages on /i have the stamp 0, expected the image's; set camera_info_latest to true" in sentence
    sentence = why_unmatched(depth(newest_ns=0), OTHERWISE)
    assert "stamp 0, expected the image's; let their publisher fill header.stamp" in sentence
    assert "camera_info_latest" not in sentence  # of no help there


def test_a_camera_info_published_only_once_is_the_reason():
    assert "set camera_info_latest to true" in why_unmatched(info(count=1), OTHERWISE)
    assert why_unmatched(depth(count=1), OTHERWISE) == OTHERWISE  # the first of many


def test_a_silent_publisher_is_the_reason():
    assert "transient local" in why_unmatched(info(count=0, newest_ns=None), OTHERWISE)
    assert "docs/transport.md" in why_unmatched(depth(count=0, newest_ns=None), OTHERWISE)


def test_otherwise_the_time_difference_is_the_reason():
    for heard in (depth(), info(), depth(types=(), count=0, newest_ns=None), info(types=(), count=0, newest_ns=None)):
        assert why_unmatched(heard, OTHERWISE) == OTHERWISE
