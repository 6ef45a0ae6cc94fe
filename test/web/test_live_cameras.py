# SPDX-License-Identifier: Apache-2.0
"""Cameras that come and go, as the desk's page shows them.

No /dev/video is here: OpenCV's capture has a stand-in for a webcam. The camera of the network is a real one.
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from watched_desk import WAIT_S, WatchedDesk, camera_of, cameras_of

from talk2dino_ros.engine import ImageError
from talk2dino_ros.ros.node import problems
from talk2dino_ros.viz import videos
from talk2dino_ros.web.desk import live_camera

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


class Webcam:
    """A stand-in for cv2.VideoCapture of the camera 0: red, then green, for as long as it is plugged in."""

    def __init__(self):
        self.is_plugged, self.colour = True, RED
        self.bug = None  # what reading it raises
        self.open = 0
        self.blue = 0  # images that were read
        self.changed = threading.Condition()

    def __call__(self, address):
        assert address == 0
        with self.changed:
            self.open += self.is_plugged
            self.changed.notify_all()
        return self

    def isOpened(self):
        return self.is_plugged

    def get(self, _what):
        return 0.0

    def read(self):
        time.sleep(0.005)
        if self.bug:
            raise self.bug
        with self.changed:
            self.blue += self.colour == BLUE
            self.changed.notify_all()
            return self.is_plugged, np.full((32, 32, 3), self.colour[::-1], np.uint8)

    def until(self, is_so):
        with self.changed:
            assert self.changed.wait_for(is_so, WAIT_S)

    def release(self):
        with self.changed:
            self.open = 0
            self.changed.notify_all()


@pytest.fixture
def webcam(monkeypatch):
    camera = Webcam()
    monkeypatch.setattr(videos.cv2, "VideoCapture", camera)
    monkeypatch.setattr(live_camera, "RETRY_S", 0.02)
    return camera


def sees(colour):
    def is_so(state):
        return [each.class_name for each in camera_of(state, "camera_0").seen] == [colour]

    return is_so


def test_a_webcam_that_is_unplugged_is_lost_and_comes_back(webcam):
    desk = WatchedDesk("0")
    try:
        desk.source.watch(frozenset({"camera_0"}))
        before = camera_of(desk.until(sees("red")), "camera_0").number
        webcam.is_plugged = False
        first = camera_of(desk.until(lambda state: camera_of(state, "camera_0").problem), "camera_0")
        assert first.problem.startswith("the camera 0 ")
        assert first.problem.endswith("; it is looked for every 0.02 s")
        state = desk.until(lambda state: "cannot be opened" in camera_of(state, "camera_0").problem)
        assert "expected the number of one that is connected" in camera_of(state, "camera_0").problem
        webcam.is_plugged, webcam.colour = True, GREEN
        camera = camera_of(desk.until(sees("green")), "camera_0")
        assert (camera.problem, camera.number > before) == ("", True)
    finally:
        desk.source.close()
    webcam.until(lambda: webcam.open == 0)


def test_a_webcam_that_is_unplugged_while_it_is_opened_is_called_a_camera_too(webcam):
    webcam.is_plugged, webcam.isOpened = False, lambda: True
    with (
        videos.open_camera("0", "0") as video,
        pytest.raises(ImageError, match=r"^the camera 0 gave no image, expected a camera that sends"),
    ):
        next(video.images())


def test_a_driver_that_raises_what_it_likes_is_told_on_the_page_and_on_the_terminal(webcam, caplog, monkeypatch):
    monkeypatch.setattr(problems, "WARNING_PERIOD_S", 1000.0)  # on a busy machine the tries go on for long
    desk = WatchedDesk("0")
    try:
        desk.source.watch(frozenset({"camera_0"}))
        desk.until(sees("red"))
        webcam.bug = ZeroDivisionError("secrets of the driver")
        problem = camera_of(desk.until(lambda state: camera_of(state, "camera_0").problem), "camera_0").problem
        assert problem == (
            "an image of the camera 0 was lost by a bug in this program or in a library (ZeroDivisionError), expected "
            "it to be shown; the terminal has the details; it is looked for every 0.02 s"
        )
        webcam.bug, webcam.colour = None, GREEN
        assert camera_of(desk.until(sees("green")), "camera_0").problem == ""
    finally:
        desk.source.close()
    (record,) = caplog.records  # of many tries one
    assert "ZeroDivisionError: secrets of the driver" in record.getMessage()


def test_a_webcam_is_open_while_someone_looks_and_the_newest_image_wins(webcam, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(live_camera, "time", SimpleNamespace(monotonic=lambda: now[0]))
    camera = cameras_of("0")["camera_0"]
    assert webcam.open == 0
    wait_for_image(camera)
    assert webcam.open == 1
    now[0] += live_camera.REST_S  # nobody has asked
    webcam.until(lambda: webcam.open == 0)
    assert camera.newest(0) is None  # and not an image of before
    first, _ = wait_for_image(camera)
    webcam.colour = BLUE
    webcam.until(lambda: webcam.blue > 8)  # the model is at work meanwhile
    dropped = camera.dropped
    second, rgb = camera.newest(first)
    assert (second, tuple(rgb[0, 0])) == (first + 1, BLUE)
    assert camera.dropped > dropped + 5
    camera.close()
    webcam.until(lambda: webcam.open == 0)


def wait_for_image(camera, colour=None):
    """Number and image of the next that a camera has, of one colour; whatever it says meanwhile."""
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        try:
            newest = camera.newest(0)
        except ImageError:
            newest = None
        if newest is not None and (colour is None or np.abs(newest[1][0, 0].astype(int) - colour).max() < 30):
            return newest
        time.sleep(0.005)
    raise AssertionError("no image came")


class NetworkCamera(BaseHTTPRequestHandler):
    """Motion JPEG in one colour, until it is switched off."""

    is_on, colour = threading.Event(), RED

    def do_GET(self):
        if not self.is_on.is_set():
            return self.send_error(503)
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        while self.is_on.is_set():
            rgb = np.full((64, 64, 3), self.colour, np.uint8)
            jpeg = cv2.imencode(".jpg", rgb[..., ::-1])[1].tobytes()
            try:
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg))
                self.wfile.write(jpeg + b"\r\n")
            except ConnectionError:
                return None
            time.sleep(0.005)
        return None

    def log_message(self, *_):
        pass


def test_a_camera_of_the_network_that_is_switched_off_comes_back(monkeypatch):
    monkeypatch.setattr(live_camera, "RETRY_S", 0.05)
    server = ThreadingHTTPServer(("127.0.0.1", 0), NetworkCamera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    NetworkCamera.is_on.set()
    (camera,) = cameras_of(f"http://robot:secret@127.0.0.1:{server.server_port}/stream.mjpg").values()
    try:
        wait_for_image(camera, RED)
        NetworkCamera.is_on.clear()
        said = wait_for_problem(camera)
        assert said.startswith(f"the camera http://127.0.0.1:{server.server_port}/stream.mjpg ")
        assert "secret" not in said
        NetworkCamera.colour = GREEN
        NetworkCamera.is_on.set()
        wait_for_image(camera, GREEN)
    finally:
        NetworkCamera.is_on.clear()
        camera.close()
        server.shutdown()
        server.server_close()


def wait_for_problem(camera):
    """What a camera says that has no image."""
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        try:
            camera.newest(0)
        except ImageError as error:
            return str(error)
        time.sleep(0.005)
    raise AssertionError("the camera said nothing")
