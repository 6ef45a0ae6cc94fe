# SPDX-License-Identifier: Apache-2.0
"""The desk's source with a segmenter so small that a person can say what it sees: each pixel's main colour."""

import numpy as np
import pytest
from PIL import Image
from watched_desk import WatchedDesk, camera_of

from talk2dino_ros.engine import VocabularyError
from talk2dino_ros.viz.overlay import color_of
from talk2dino_ros.web.desk import desk_source
from talk2dino_ros.web.web_source import ConflictError, WebError

RED, GREEN = (255, 0, 0), (0, 255, 0)


def halves():
    """uint8 [32, 64, 3]: red on the left, green on the right."""
    rgb = np.zeros((32, 64, 3), np.uint8)
    rgb[:, :32], rgb[:, 32:] = RED, GREEN
    return rgb


@pytest.fixture
def desk(tmp_path):
    Image.fromarray(halves()).save(tmp_path / "halves.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    watching = WatchedDesk(tmp_path)
    yield watching
    watching.source.close()


def camera(state, name="halves"):
    return camera_of(state, name)


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
    assert points["red"].reason == "no depth is read at a desk"
    assert [each.color for each in state.classes] == ["#{:02x}{:02x}{:02x}".format(*color_of(i)) for i in (1, 2, 3)]
    snapshot = desk.source.snapshot("halves")
    assert np.array_equal(snapshot.rgb, halves())
    assert np.array_equal(snapshot.mask, np.repeat([[1] * 32 + [2] * 32], 32, axis=0))
    assert snapshot.facts["labels"] == {"1": "red", "2": "green", "3": "blue"}


def test_a_word_without_pixels_is_said_to_be_as_near_as_the_node_says_it_is(desk):
    """Without a threshold nothing is in view for sure; at each patch blue is 1 behind red or green, times the scale."""
    desk.source.watch(frozenset({"halves"}))
    state = desk.until(lambda state: camera(state).number).to_json()
    told = {name: each["state"] for name, each in state["presences"].items()}
    assert told == {"red": "not sure", "green": "not sure", "blue": "not in view"}
    # the sigmoid of the cosine 1, of a patch that is all red
    assert state["presences"]["red"]["best_score"] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-3)
    assert [each["is_looked_at"] for each in state["cameras"] if each["name"] == "halves"] == [True]
    version = desk.source.set_words(["red >= 0.6", "green", "blue"], 0).version
    state = desk.until(lambda state: state.version == version and camera(state).presences[0].has_own_threshold)
    assert state.to_json()["presences"]["red"]["state"] == "in view"


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


def test_a_picture_that_a_library_fails_at_is_told_and_tried_again_with_new_words(desk, monkeypatch, caplog):
    with monkeypatch.context() as broken:
        broken.setattr(desk_source, "to_jpeg", lambda rgb, longest: 1 // 0)
        desk.source.watch(frozenset({"halves"}))
        problem = camera(desk.until(lambda state: camera(state).problem)).problem
        assert problem.startswith("an image of halves was lost by a bug in this program or in a library (ZeroDivision")
    assert "desk_source.py" in caplog.text  # where it was
    desk.source.set_words(["g", "b"], 0)
    assert camera(desk.until(lambda state: "g" in seen(state))).problem == ""


def test_a_picture_that_cannot_be_read_says_so_and_stops_no_other(desk):
    desk.source.watch(frozenset({"halves", "broken"}))
    state = desk.until(lambda state: camera(state).number and camera(state, "broken").problem)
    assert "broken.jpg cannot be read as a picture" in camera(state, "broken").problem
