# SPDX-License-Identifier: Apache-2.0
"""The desk's source with a segmenter so small that a person can say what it sees: each pixel's main colour."""

import threading

import numpy as np
import pytest
from PIL import Image
from tiny_segmenter import make_segmenter, vocabulary

from talk2dino_ros.engine import ImageError, VocabularyError
from talk2dino_ros.viz.overlay import color_of
from talk2dino_ros.viz.videos import video_writer
from talk2dino_ros.web.desk import desk_camera
from talk2dino_ros.web.desk.desk_camera import VideoCamera, desk_cameras
from talk2dino_ros.web.desk.desk_source import DeskSource
from talk2dino_ros.web.web_source import ConflictError, WebError

RED, GREEN = (255, 0, 0), (0, 255, 0)
WAIT_S = 20


def halves():
    """uint8 [32, 64, 3]: red on the left, green on the right."""
    rgb = np.zeros((32, 64, 3), np.uint8)
    rgb[:, :32], rgb[:, 32:] = RED, GREEN
    return rgb


class Watching:
    """A desk's source, and what waits until it shows something."""

    def __init__(self, folder, classes=("red", "green", "blue")):
        self.source = DeskSource(
            make_segmenter(patch_size=4, base_size=64), vocabulary(classes), desk_cameras([folder])
        )
        self.changed = threading.Condition()
        self.source.on_change = self.on_change

    def on_change(self):
        with self.changed:
            self.changed.notify_all()

    def until(self, is_so):
        with self.changed:
            assert self.changed.wait_for(lambda: is_so(self.source.state()), WAIT_S)
        return self.source.state()


@pytest.fixture
def desk(tmp_path):
    Image.fromarray(halves()).save(tmp_path / "halves.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    watching = Watching(tmp_path)
    yield watching
    watching.source.close()


def camera(state, name="halves"):
    return next(each for each in state.cameras if each.name == name)


def seen(state):
    return {each.class_name: each.share for each in camera(state).seen}


def test_nothing_is_segmented_that_nobody_looks_at(desk):
    assert desk.source.overlay("halves") is None
    with pytest.raises(WebError, match="expected one of none"):
        desk.source.snapshot("halves")


def test_a_photograph_is_shown_with_shares_points_and_colours(desk):
    desk.source.watch(frozenset({"halves"}))
    state = desk.until(lambda state: camera(state).number)
    assert seen(state) == {"red": 0.5, "green": 0.5}
    assert camera(state).size == (64, 32)
    points = {point.class_name: point for point in camera(state).points}
    assert points["red"].box == (0, 0, 32, 32)
    assert points["green"].box == (32, 0, 32, 32)
    assert points["red"].reason == "a photograph has no depth"
    assert [each.color for each in state.classes] == ["#{:02x}{:02x}{:02x}".format(*color_of(i)) for i in (1, 2, 3)]
    snapshot = desk.source.snapshot("halves")
    assert np.array_equal(snapshot.rgb, halves())
    assert np.array_equal(snapshot.mask, np.repeat([[1] * 32 + [2] * 32], 32, axis=0))
    assert snapshot.facts["labels"] == {"1": "red", "2": "green", "3": "blue"}


def test_new_words_change_the_overlay_and_a_version_counts_once(desk):
    desk.source.watch(frozenset({"halves"}))
    first = desk.until(lambda state: camera(state).number).version
    reply = desk.source.set_words(["g", "b"], first)
    state = desk.until(lambda state: set(seen(state)) == {"g"} and camera(state).number > 1)
    assert state.version == reply.version > first
    with pytest.raises(ConflictError, match="by another page"):
        desk.source.set_words(["r"], first)
    with pytest.raises(VocabularyError):
        desk.source.set_words(["\x00"], state.version)
    assert [each.name for each in desk.source.state().classes] == ["g", "b"]
    assert desk.source.state().notice == ""


def test_a_picture_that_cannot_be_read_says_so_and_stops_no_other(desk):
    desk.source.watch(frozenset({"halves", "broken"}))
    state = desk.until(lambda state: camera(state).number and camera(state, "broken").problem)
    assert "broken.jpg cannot be read as a picture" in camera(state, "broken").problem


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(ImageError, match="is not there or of no known kind"):
        desk_cameras([tmp_path / "none.png"])


def test_a_video_drops_what_nobody_had_time_for_and_begins_again(tmp_path, monkeypatch):
    with video_writer(tmp_path / "grey.mp4", 10.0) as write:
        for level in range(0, 200, 20):
            write(np.full((32, 32, 3), level, np.uint8))
    now = [100.0]
    monkeypatch.setattr(desk_camera.time, "monotonic", lambda: now[0])
    video = VideoCamera(tmp_path / "grey.mp4")

    def level_at(seconds):
        now[0] = 100.0 + seconds
        newest = video.newest(0)
        return newest and round(float(newest[1].mean()) / 20)

    assert [level_at(0.0), level_at(0.05), level_at(0.1)] == [0, None, 1]
    assert level_at(0.55) == 5  # 0.2 to 0.4 were overtaken
    assert video.dropped == 3
    assert [level_at(each) for each in (0.65, 0.75, 0.85, 0.95, 1.05)] == [6, 7, 8, 9, 0]
    assert level_at(20.0) == 1  # it was not looked at, and goes on
    assert video.dropped == 3
    video.close()
