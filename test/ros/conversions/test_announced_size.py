# SPDX-License-Identifier: Apache-2.0
"""The size of images that a camera_info announces, for which the transport check may send images of its own."""

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")

from talk2dino_ros.segmenter.transport.transport_check import announced_size


def test_an_ordinary_camera():
    assert announced_size(1280, 720, "/camera_info", 50_000_000) == (
        2764800,
        "1280x720 (by /camera_info, taken as rgb8)",
    )


@pytest.mark.parametrize(("width", "height"), [(0, 0), (0, 720), (640, 0)])
def test_a_camera_without_a_size(width, height):
    assert announced_size(width, height, "/camera_info", 50_000_000) == (None, "")


def test_more_pixels_than_images_may_have_are_never_sent():
    size, why = announced_size(20000, 20000, "/camera_info", 50_000_000)
    assert size is None
    assert why == "/camera_info says 20000x20000, more than the 50000000 pixels of max_image_pixels"
    assert announced_size(2**32 - 1, 2**32 - 1, "/i", 10**9)[0] is None
