# SPDX-License-Identifier: Apache-2.0
"""The page's server as a browser and as an attacker talk to it."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image
from scripted_source import FIRST_VERSION, ScriptedSource
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from talk2dino_ros.web import viewers
from talk2dino_ros.web.access import Access
from talk2dino_ros.web.web_app import make_app

HOME = "http://127.0.0.1:8420"
LIVE = "ws://127.0.0.1:8420/live"
HERE = {"Origin": HOME}
WORDS = {"classes": ["mug: cup, mug", "!wall"], "expected_version": str(FIRST_VERSION)}


@pytest.fixture
def source():
    return ScriptedSource()


def client_of(source, access=None, headers=HERE):
    return TestClient(make_app(source, access or Access(), max_rate_hz=1000), HOME, headers=headers)


@pytest.fixture
def client(source):
    with client_of(source) as client:
        yield client


def turn_of(line):
    """Pictures by camera, and the state, of the next turn; answers it."""
    pictures = {}
    while "bytes" in (message := line.receive()):
        (size,) = struct.unpack("<H", message["bytes"][:2])
        camera = json.loads(message["bytes"][2 : 2 + size])["camera"]
        pictures[camera] = np.asarray(Image.open(io.BytesIO(message["bytes"][2 + size :])))
    line.send_json({"drawn": True})
    return pictures, json.loads(message["text"])


def read_to_its_end(line):
    """Past signs of life, of which a busy machine may send one."""
    while True:
        line.receive_text()


def turn_with_picture(line):
    pictures = {}
    while not pictures:
        pictures, state = turn_of(line)
    return pictures, state


def test_the_page_comes_with_headers_that_bind_the_browser(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "<main>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert client.get("/app.js").headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["/../access.py", "/%2e%2e/access.py", "/static/app.js", "/openapi.json", "/docs"])
def test_nothing_else_is_served(client, path):
    assert client.get(path).status_code == 404


def test_a_browser_gets_the_state_and_the_pictures_it_looks_at(source, client):
    asked = []
    source.on_watch = asked.append
    with client.websocket_connect(LIVE) as line:
        pictures, state = turn_of(line)
        assert pictures == {}
        assert state["version"] == "1700000000123456789"
        assert state["cameras"][0]["points"][0]["position"] == [1.25, -0.5, 0.75]
        line.send_json({"watch": ["front", "no such camera"]})
        pictures, _ = turn_with_picture(line)
        assert np.abs(pictures["front"].astype(int) - (200, 40, 40)).max() < 12
    assert asked[0] == {"front"}
    assert asked[-1] == frozenset()  # nobody looks any more


def test_a_slow_browser_gets_the_newest_picture_and_no_other(source, client):
    with client.websocket_connect(LIVE) as line:
        turn_of(line)
        line.send_json({"watch": ["front"]})
        while "bytes" not in line.receive():
            line.send_json({"drawn": True})
        line.receive_json()  # and does not say that it has drawn it
        looked = source.looked
        for red in range(0, 200, 10):
            source.show((red, 200, 40))
            assert client.get("/app.js").status_code == 200  # the server is awake, and serves others
        assert source.looked == looked
        source.show((40, 40, 200))
        line.send_json({"drawn": True})
        pictures, _ = turn_with_picture(line)
        assert np.abs(pictures["front"].astype(int) - (40, 40, 200)).max() < 12


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "no json",
        "[]",
        "7",
        '{"watch": 7}',
        '{"watch": [7]}',
        "[" * 5000,
        json.dumps({"watch": ["front"] * 17}),
        b'{"drawn": true}',
        b"\xff\x00",
    ],
)
def test_a_line_with_rubbish_is_closed_with_a_reason(client, rubbish):
    with client.websocket_connect(LIVE) as line:
        turn_of(line)
        (line.send_bytes if isinstance(rubbish, bytes) else line.send_text)(rubbish)
        with pytest.raises(WebSocketDisconnect) as closed:
            read_to_its_end(line)
    assert (closed.value.code, closed.value.reason) == (
        1003,
        ("the message is not one that this page sends; reload the page"),
    )


def test_a_line_that_nothing_can_be_sent_on_is_closed_and_the_log_says_why(source, client, caplog):
    with client.websocket_connect(LIVE) as line:
        turn_of(line)
        source.state, state = None, source.state  # which is a TypeError
        source.on_change()
        with pytest.raises(WebSocketDisconnect) as closed:
            line.receive_text()
    assert (closed.value.code, closed.value.reason) == (1011, "the server failed; its log has the details")
    assert "TypeError: 'NoneType' object is not callable" in caplog.text
    source.state = state
    with client.websocket_connect(LIVE) as line:
        turn_of(line)


def test_one_browser_too_many_is_told_so(source, monkeypatch):
    monkeypatch.setattr(viewers, "MOST_VIEWERS", 1)
    with client_of(source) as client, client.websocket_connect(LIVE) as first:
        turn_of(first)
        with client.websocket_connect(LIVE) as second, pytest.raises(WebSocketDisconnect) as closed:
            second.receive_text()
        assert closed.value.reason == "1 pages are open already; close one"


def test_words_are_added_and_taken_away(source, client):
    reply = client.post("/words", json={**WORDS, "typed": "door, Mug: beaker"}).json()
    assert reply["version"] == str(FIRST_VERSION + 1)
    again = {"classes": source.asked[0], "expected_version": reply["version"], "removed": "wall"}
    assert client.post("/words", json=again).status_code == 200
    # the new mug has the old one's place
    assert source.asked == [["Mug: beaker", "!wall", "door"], ["Mug: beaker", "door"]]


def test_a_threshold_is_set_and_taken_away_and_the_words_stay(source, client):
    reply = client.post("/words", json={**WORDS, "thresholds": {"mug": 0.56}}).json()
    assert source.asked == [["mug >= 0.56: cup, mug", "!wall"]]
    assert reply["classes"][0]["threshold"] == 0.56
    again = {"classes": source.asked[0], "expected_version": reply["version"], "thresholds": {"mug": None}}
    assert client.post("/words", json=again).status_code == 200
    assert source.asked[-1] == ["mug: cup, mug", "!wall"]


def test_two_pages_that_change_words_at_once_are_told_of_it(source, client):
    assert client.post("/words", json={**WORDS, "typed": "door"}).status_code == 200
    second = client.post("/words", json={**WORDS, "typed": "sofa"})
    assert second.status_code == 409
    assert "by another page" in second.json()["message"]
    assert len(source.asked) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"typed": "mug: \x1b[31m"}, "control character"),
        ({"typed": " ; "}, "has no word"),
        ({"typed": "door" * 300}, "expected at most"),
        ({"removed": "mug"}, "the vocabulary of 1 class has only distractors"),
        ({"classes": "mug"}, "body.classes: Input should be a valid list"),
        ({"classes": [7]}, "body.classes.0: Input should be a valid string"),
        ({"expected_version": 17}, "body.expected_version: Input should be a valid string"),
        ({"expected_version": "-1"}, "should match pattern"),
        ({"thresholds": {"mug": 7.0}}, "expected a score between"),
        ({"thresholds": {"mug": "7"}}, "body.thresholds.mug: Input should be a valid number"),
        ({"path": "/etc"}, "body.path: Extra inputs are not permitted"),
    ],
)
def test_bad_words_change_nothing_and_are_answered_in_a_sentence(source, client, content, said):
    reply = client.post("/words", json={**WORDS, **content})
    assert reply.status_code == 400
    assert said in reply.json()["message"]
    assert source.asked == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused_in_a_sentence(client, body):
    reply = client.post("/words", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert "not one that this page sends" in reply.json()["message"]


def test_ten_megabytes_of_words_are_refused_in_a_sentence(source, client):
    reply = client.post("/words", json={**WORDS, "typed": "x" * 10_000_000})
    assert reply.status_code == 413
    assert reply.json()["message"] == "the request has 10.0 MB, expected at most 4 MB; send fewer words"
    assert source.asked == []


def test_the_memory_is_asked_for_a_word(source, client):
    reply = client.post("/find", json={"word": "mug"}).json()
    assert (reply["message"], reply["places"][0]["position"]) == ("1 place", [1.0, 2.0, 0.5])
    assert client.post("/find", json={"word": "mug\x1b"}).status_code == 400
    assert source.asked == [("find", "mug")]


def test_a_read_only_page_changes_nothing(source):
    with client_of(source, Access(read_only=True)) as client:
        assert client.post("/words", json=WORDS).status_code == 403
        with client.websocket_connect(LIVE) as line:
            assert turn_of(line)[1]["read_only"] is True
    assert source.asked == []


def test_a_snapshot_has_the_image_the_mask_and_what_is_known(source, client):
    archive = zipfile.ZipFile(io.BytesIO(client.get("/snapshot?camera=front").content))
    assert np.array_equal(np.asarray(Image.open(archive.open("image.png"))), source.rgb)
    mask = np.asarray(Image.open(archive.open("mask.png")))
    assert np.array_equal(mask, np.arange(192).reshape(12, 16))
    assert json.loads(archive.read("snapshot.json")) == {"labels": {"1": "mug"}}


def test_a_snapshot_of_no_camera_names_those_that_are_there(client):
    reply = client.get("/snapshot", params={"camera": "../../etc/passwd"})
    assert reply.status_code == 400
    assert "expected one of front" in reply.json()["message"]
