# SPDX-License-Identifier: Apache-2.0
"""Snapshots of a robot's cameras, whose masks come later than their images."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

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
WAIT_S = 60


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


class Camera:
    """A client of a camera and of a segmenter that send when a test says so. heard: who listens, by topic."""

    def __init__(self):
        self.heard = {"image": [], "mask": []}
        self.changed = threading.Condition()

    def watch(self, topic, _camera, on_message):
        with self.changed:
            self.heard[topic].append(on_message)
            self.changed.notify_all()
        return Listening(self, topic, on_message)

    def until_heard(self, topic, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard[topic]) == count, WAIT_S)

    def send(self, topic, message):
        for on_message in list(self.heard[topic]):
            on_message(message)


def until_it_waits(snapshots):
    """Until someone waits for a pair, with the patience of now."""
    (pairs,) = snapshots._pairs.values()
    end_s = time.monotonic() + WAIT_S
    while not pairs._changed._waiters:
        assert time.monotonic() < end_s
        time.sleep(0.001)


class Listening(ExitStack):
    def __init__(self, camera, topic, on_message):
        super().__init__()
        self.callback(lambda: camera.heard[topic].remove(on_message))


def test_a_camera_is_listened_to_once_however_many_snapshots_are_taken_of_it(monkeypatch):
    monkeypatch.setattr(robot_snapshot, "PATIENCE_S", 0.01)
    camera = Camera()
    snapshots = RobotSnapshots(camera)
    for _ in range(3):
        with pytest.raises(robot_snapshot.WebError, match="no image with a mask has come"):
            snapshots.take("camera", None)
    assert len(camera.heard["mask"]) == 1
    snapshots.close()
    assert camera.heard == {"image": [], "mask": []}


def test_who_waits_for_a_snapshot_is_told_where_the_page_ends_and_nobody_listens_any_more():
    camera = Camera()
    snapshots = RobotSnapshots(camera)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(snapshots.take, "camera", None)
        camera.until_heard("image", 1)
        snapshots.close()
        with pytest.raises(robot_snapshot.WebError, match="the page ended before an image with a mask came"):
            asked.result(WAIT_S)
    with pytest.raises(robot_snapshot.WebError, match="the page ended"):
        snapshots.take("another camera", None)
    assert camera.heard == {"image": [], "mask": []}


def test_who_waits_for_a_mask_loses_no_image_to_who_has_waited_long_enough(monkeypatch):
    camera = Camera()
    snapshots = RobotSnapshots(camera)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(snapshots.take, "camera", None)
        camera.until_heard("image", 1)
        camera.send("image", image(0, "rgb8", 3))
        until_it_waits(snapshots)
        monkeypatch.setattr(robot_snapshot, "PATIENCE_S", 0.01)
        with pytest.raises(robot_snapshot.WebError, match="no image with a mask has come"):
            snapshots.take("camera", None)
        camera.send("mask", image(0, "mono8", 1))
        assert asked.result(WAIT_S).facts["stamp_ns"] == "0"


def test_an_image_that_is_on_its_way_as_a_snapshot_ends_is_not_kept(monkeypatch):
    monkeypatch.setattr(robot_snapshot, "PATIENCE_S", 0.01)
    camera = Camera()
    snapshots = RobotSnapshots(camera)
    with pytest.raises(robot_snapshot.WebError):
        snapshots.take("camera", None)
    (pairs,) = snapshots._pairs.values()
    pairs._on_image(image(0, "rgb8", 3))
    assert not pairs._images


def test_what_waits_for_masks_is_bounded_and_let_go_after_a_snapshot(monkeypatch):
    monkeypatch.setattr(robot_snapshot, "MOST_BYTES", 10 * BYTES)
    snapshots = RobotSnapshots(SlowSegmenter(11))
    with monkeypatch.context() as short:
        short.setattr(robot_snapshot, "PATIENCE_S", 0.2)
        with pytest.raises(robot_snapshot.WebError, match="no image with a mask has come"):
            snapshots.take("camera", None)
    (pairs,) = snapshots._pairs.values()
    assert not pairs._images
    snapshots._pairs.clear()
    snapshots._client._images = 10
    assert snapshots.take("camera", None).facts["stamp_ns"] == "0"
    (pairs,) = snapshots._pairs.values()
    assert not pairs._images
