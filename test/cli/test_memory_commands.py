# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory`: a room of which 92 voxels are known, 30 x 3 of a wall, a mug and a lamp."""

import json
import shutil
import sqlite3

import cv2
import numpy as np
import pytest
from memory_room import MUG
from mini_room import make_room

from talk2dino_ros.cli.main import main
from talk2dino_ros.perception.memory.disk.store_lock import StoreLock

ALL = {"place", "score", "margin", "confidence", "evidence", "position", "extent", "voxels", "detections"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_room(tmp_path_factory.mktemp("maps"))


@pytest.fixture
def room(made, tmp_path):
    shutil.copytree(made, tmp_path / "maps" / "room")
    return tmp_path / "maps" / "room"


def memory(*arguments) -> int:
    return main(["memory", *map(str, arguments)])


def asked(action, folder, word, *arguments) -> int:
    return memory(action, folder, word, "--device", "cpu", *arguments)


def refused(capsys, *arguments) -> str:
    assert memory(*arguments) == 1
    out, error = capsys.readouterr()
    assert (out, len(error.splitlines())) == ("", 1)
    return error


def test_info_has_a_row_for_each_map(room, capsys):
    shutil.copytree(room, room.parent / "empty")
    with sqlite3.connect(room.parent / "empty" / "memory.sqlite3") as database:
        database.execute("UPDATE meta SET value = 'empty' WHERE name = 'map_id'")
        database.execute("DELETE FROM keyframes WHERE id > 1")
        database.execute("UPDATE keyframes SET body = zeroblob(100)")
    assert memory("info", room.parent, "--json") == 0
    out, error = capsys.readouterr()
    empty, row = json.loads(out)
    assert (empty["map"], empty["keyframes"], empty["voxels"], empty["damaged"]) == ("empty", 0, 0, 1)
    assert "keyframe 1 of" in error
    assert "is damaged" in error
    assert row.pop("bytes") == (room / "memory.sqlite3").stat().st_size
    assert len(row.pop("feature space")) == 16
    assert row == {
        "map": "room",
        "model": "mini",
        "frame": "map",
        "keyframes": 4,
        "voxels": 92,
        "square metres": 0.32,
        "first seen": "1970-01-01T00:01:40Z",
        "last seen": "1970-01-01T00:01:43Z",
        "damaged": 0,
    }
    assert memory("info", room.parent, "--map", "room") == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["map", "model", "feature"]
    assert line.split()[:2] == ["room", "mini"]


def test_find_prints_the_places_of_a_word_and_draws_them(room, tmp_path, capsys):
    assert asked("find", room, "mug: mug", "-o", tmp_path / "out", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    (place,) = answer["places"]
    assert place.keys() == ALL | {"first_seen", "last_seen"}
    assert place["position"] == pytest.approx(MUG)
    assert (place["voxels"], place["detections"], place["last_seen"]) == (1, 4, "1970-01-01T00:01:43Z")
    assert place["score"] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-3)  # it looks just like the word: cosine 1
    assert answer["message"].startswith("'mug' is at 1 place sure by ")
    above, views = answer["pictures"]
    assert cv2.imread(above).shape[1] > 1000
    assert cv2.imread(views).size

    assert asked("find", room, "mug") == 0
    head, line, sentence = capsys.readouterr().out.splitlines()
    assert head.split()[:5] == ["place", "score", "margin", "sure", "evidence"]
    assert line.split()[5:8] == ["2.05", "0.05", "1.05"]
    assert sentence == answer["message"]


def test_nothing_found_is_an_answer_that_says_how_close_the_best_came(room, tmp_path, capsys):
    assert asked("find", room, "sofa", "--against", "wall, mug, lamp", "-o", tmp_path / "out") == 0
    sentence, written = capsys.readouterr().out.splitlines()
    assert sentence.startswith("'sofa' was not found in 0 m2: the best score was 0.")
    assert written == f"written to {tmp_path / 'out' / 'sofa_from_above.png'}"  # and no sheet of views
    assert asked("find", room, "mug", "--near", "2", "1", "1", "--within", "0.5", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["places"] == []
    assert "though elsewhere" in answer["message"]


def test_view_writes_the_picture_with_the_place_outlined(room, tmp_path, capsys):
    path = tmp_path / "mug.jpg"
    assert asked("view", room, "mug", "-o", path) == 0
    assert capsys.readouterr().out.startswith(f"{path}: place 1 of 'mug', seen 1970-01-01T00:01:4")
    picture = cv2.imread(str(path)).astype(int)
    assert np.abs(picture[:8, :8] - (0, 200, 255)).sum(axis=2).min() < 60  # the mug is the first patch, of 8 pixels
    assert np.abs(picture[40:] - (40, 90, 200)).max() < 40


def test_export_writes_what_other_programs_read(room, tmp_path, capsys):
    ply, geojson = tmp_path / "voxels.ply", tmp_path / "mug.geojson"
    assert asked("export", room, "mug", "-o", ply, geojson) == 0
    head, _, body = ply.read_bytes().partition(b"end_header\n")
    lines = head.decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    names = [line.split() for line in lines if line.startswith("property")]
    assert [name[1:] for name in names][:3] == [["float", axis] for axis in "xyz"]
    assert "element vertex 92" in lines
    assert len(body) == 92 * (3 * 4 + 3 + 4)
    voxels = np.frombuffer(body, "<f4,<f4,<f4,u1,u1,u1,<f4")
    best = voxels[np.argmax(voxels["f6"])]
    assert [best[name] for name in ("f0", "f1", "f2")] == pytest.approx(MUG)
    (feature,) = json.loads(geojson.read_text())["features"]
    assert feature["geometry"]["coordinates"] == pytest.approx(MUG)
    assert feature["properties"]["class"] == "mug"

    assert memory("export", room, "-o", ply) == 0
    body = ply.read_bytes().partition(b"end_header\n")[2]
    colours = np.frombuffer(body, "<f4,<f4,<f4,u1,u1,u1")
    assert (
        np.abs([colours[name].astype(int) - value for name, value in (("f3", 200), ("f4", 90), ("f5", 40))]).max() < 6
    )
    assert capsys.readouterr().out.splitlines()[-1] == f"{ply}: 92 voxels, coloured by rgb"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["info", "nowhere"], "nowhere holds no memory"),
        (["info", ".", "--map", "cellar"], ". holds no map 'cellar', expected one of room; name it, or leave"),
        (["find", ".", "mug", "--map", "cellar"], ". holds no map 'cellar', expected one of room"),
        (["find", "room", "!mug"], "is no class to find"),
        (["find", "room", "mug", "--against", "", "--background", "0"], "nothing competes with 'mug'"),
        (["find", "room", "mug", "--background", "2"], "background is 2"),
        (["find", "room", "mug", "--near", "1", "2", "3"], "--near and --within belong together"),
        (["find", "room", "mug", "--voxel-m", "0"], "--voxel-m is 0"),
        (["find", "room", "mug", "--model", "talk2dino_vitb"], "the words are of talk2dino_vitb"),
        (["view", "room", "mug", "--place", "2"], "there is no place 2"),
        (["view", "room", "mug", "-o", "no/view.jpg"], "no/view.jpg could not be written"),
        (["export", "room", "-o", "a.stl"], "a.stl has an ending of no format"),
        (["export", "room", "-o", "a.geojson"], "a.geojson was asked for without a word"),
        (["export", "room", "--colour", "score", "-o", "a.ply"], "without a word"),
    ],
)
def test_a_command_that_cannot_be_done_is_one_sentence(room, arguments, sentence, capsys, monkeypatch):
    monkeypatch.chdir(room.parent)
    assert sentence in refused(capsys, *arguments)
    assert [path.name for path in room.parent.iterdir()] == ["room"]  # nothing is left behind


def test_a_memory_in_use_names_who_has_it(room, capsys):
    lock = StoreLock(room / "memory.lock")
    assert "in use by process" in refused(capsys, "info", room)
    lock.release()


def test_words_of_another_feature_space_are_refused_with_both_names(tmp_path, capsys):
    error = refused(capsys, "find", make_room(tmp_path, space="another"), "mug")
    assert "of the feature space '" in error
    assert "of 'another'" in error


def test_several_maps_have_to_be_told_apart(room, capsys):
    shutil.copytree(room, room.parent / "cellar")
    assert "holds 2 maps, expected one of cellar, room; name it by --map" in refused(capsys, "find", room.parent, "mug")


def test_a_time_that_is_none_is_one_sentence(capsys):
    with pytest.raises(SystemExit):
        main(["memory", "find", "room", "mug", "--since", "never"])
    assert "--since: 'never' is no time, expected one such as 2026-11-26T08:00 (UTC)" in capsys.readouterr().err
