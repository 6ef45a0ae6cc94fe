# SPDX-License-Identifier: Apache-2.0
"""Snapshots of a robot's cameras, whose masks come later than their images."""

import threading
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.msg")

from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from talk2dino_ros.web.robot import robot_snapshot
from talk2dino_ros.web.robot.robot_snapshot import RobotSnapshots

BYTES = 3 * 4 * 5


class SlowSegmenter:
    """A client of a camera at full rate, and of a segmenter that is done with the first image after so many more."""

    def __init__(self, images: int) -> None:
        self._images = images
        self._on_mask = None

    def watch(self, topic, _camera, on_message):
        if topic == "mask":
            self._on_mask = on_message
            return None
        return self._camera(on_message)

    @contextmanager
    def _camera(self, on_image):
        thread = threading.Thread(target=self._run, args=(on_image,))
        thread.start()
        yield
        thread.join()

    def _run(self, on_image) -> None:
        for second in range(self._images):
            on_image(image(second, "rgb8", 3))
        self._on_mask(image(0, "mono8", 1))


def image(second: int, encoding: str, channels: int) -> Image:
    pixels = np.full((4, 5, channels), second % 256, np.uint8)
    header = Header(stamp=Time(sec=second), frame_id="camera")
    return Image(header=header, height=4, width=5, encoding=encoding, step=5 * channels, data=pixels.ravel().tolist())


def test_a_slow_segmenter_has_its_snapshot_too():
    snapshot = RobotSnapshots(SlowSegmenter(250)).take("camera", None)
    assert snapshot.facts["stamp_ns"] == "0"
    assert snapshot.rgb.shape == (4, 5, 3)
    assert not snapshot.rgb.any()


def test_what_waits_for_masks_is_bounded_and_let_go_after_a_snapshot(monkeypatch):
    monkeypatch.setattr(robot_snapshot, "MOST_BYTES", 10 * BYTES)
    monkeypatch.setattr(robot_snapshot, "PATIENCE_S", 0.2)
    snapshots = RobotSnapshots(SlowSegmenter(11))
    with pytest.raises(robot_snapshot.WebError, match="no image with a mask has come"):
        snapshots.take("camera", None)
    (pairs,) = snapshots._pairs.values()
    assert not pairs._images
    snapshots._pairs.clear()
    snapshots._client._images = 10
    assert snapshots.take("camera", None).facts["stamp_ns"] == "0"
    (pairs,) = snapshots._pairs.values()
    assert not pairs._images
