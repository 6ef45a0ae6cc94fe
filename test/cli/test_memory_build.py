# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory build`: bags of a camera that moves a tenth of a metre with each image (see room_bag.py)."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import stub_build

from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore
from talk2dino_ros.perception.memory.keyframe import MILLIMETRE

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
from room_bag import HEIGHT, SPEED_MPS, WIDTH, picture, stamp_of, write_bag
from rosbags.rosbag2 import StoragePlugin

NEAR = ("--keyframe-distance-m", "0.35")  # each fourth image; at 0.4 rounding would decide
TABLES = ("keyframes", "basis", "meta")


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    return write_bag(tmp_path_factory.mktemp("bags") / "drive", without_depth=(4,))


def keyframes(folder: Path) -> list:
    store = KeyframeStore(folder.parent, folder.name)
    found = [keyframe for _, keyframe in store]
    store.close()
    return found


def rows(folder: Path) -> dict[str, list]:
    """All that the file holds, byte for byte, but for which process has it."""
    with sqlite3.connect(folder / "memory.sqlite3") as database:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}


def test_a_bag_becomes_keyframes_with_the_poses_between_the_transforms(bag, tmp_path, capsys):
    assert stub_build.build(stub_build.MeanColours(), bag, *NEAR, "-o", tmp_path / "map") == 0
    found = keyframes(tmp_path / "map")
    # every 0.4 m (the images are 0.1 m apart), and 0.1 m later where there is no depth: at 0, 0.5 and 0.9 m
    assert [each.stamp_ns for each in found] == [stamp_of(number) for number in (0, 5, 9)]
    for keyframe, number in zip(found, (0, 5, 9), strict=True):
        seconds = (keyframe.stamp_ns - stamp_of(0)) / 1e9
        assert keyframe.pose.position == pytest.approx((1.1, 2.0 - SPEED_MPS * seconds, 0.5), abs=1e-6)
        assert keyframe.pose.orientation == pytest.approx((-0.5, 0.5, -0.5, 0.5))
        assert np.all(keyframe.millimetres[:, 2] * MILLIMETRE == 2.0)
        assert keyframe.points[:, 0] == pytest.approx(3.1)
        shown = cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert shown.shape == (HEIGHT, WIDTH, 3)
        assert np.abs(shown.astype(int) - picture(number)).mean() < 3
        # a wall two metres ahead: 240 pixels of 1/200 rad are 2.4 m, from the lowest patch's centre to the highest's
        assert np.ptp(keyframe.points[:, 2]) == pytest.approx(2.4 - 0.16, abs=0.01)
    out = capsys.readouterr().out
    assert f"{tmp_path / 'map'}: 3 keyframes, 3 new; " in out
    assert "rejected: 1 image, no depth: no depth image within 20 ms of the image: the nearest is 195.0 ms off" in out


def test_a_second_build_computes_nothing_and_changes_nothing(bag, tmp_path):
    stub_build.build(stub_build.MeanColours(), bag, *NEAR, "-o", tmp_path / "map")
    before, again = rows(tmp_path / "map"), stub_build.MeanColours()
    assert stub_build.build(again, bag, *NEAR, "-o", tmp_path / "map") == 0
    assert (again.calls, rows(tmp_path / "map")) == (0, before)


def test_two_bags_of_the_same_stamps_are_told_apart_by_where_they_were(bag, tmp_path):
    elsewhere = write_bag(tmp_path / "elsewhere", odom=(5.0, 2.0, 0.0))
    assert stub_build.build(stub_build.MeanColours(), bag, elsewhere, bag, *NEAR, "-o", tmp_path / "map") == 0
    found = keyframes(tmp_path / "map")
    assert [each.pose.position[0] for each in found] == pytest.approx([1.1] * 3 + [5.1] * 3)


@pytest.mark.parametrize("image", [1, 3])
def test_a_build_that_was_killed_goes_on_to_the_same_bytes(bag, tmp_path, image):
    stub_build.build(stub_build.MeanColours(), bag, *NEAR, "-o", tmp_path / "whole" / "map")
    folder, marker = tmp_path / "killed" / "map", tmp_path / "marker"
    command = [sys.executable, stub_build.__file__, str(image), str(marker), str(bag), *NEAR, "-o", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        while not marker.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert len(rows(folder)["keyframes"]) == image - 1
    rest = stub_build.MeanColours()
    assert stub_build.build(rest, bag, *NEAR, "-o", folder) == 0
    assert rest.calls == 3 - (image - 1)
    assert rows(folder) == rows(tmp_path / "whole" / "map")


def test_an_sqlite_bag_of_compressed_images_has_the_same_poses(bag, tmp_path):
    other = write_bag(tmp_path / "bag", compressed=True, plugin=StoragePlugin.SQLITE3, without_depth=(4,))
    stub_build.build(stub_build.MeanColours(), other, *NEAR, "-o", tmp_path / "map")
    stub_build.build(stub_build.MeanColours(), bag, *NEAR, "-o", tmp_path / "raw")
    one, two = keyframes(tmp_path / "map"), keyframes(tmp_path / "raw")
    assert [(each.stamp_ns, each.pose) for each in one] == [(each.stamp_ns, each.pose) for each in two]
    assert len(one) == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nowhere does not exist"),
        (
            ["{bag}", "--image-topic", "/front"],
            "has no topic /front for the image, but /camera/aligned_depth/image_raw",
        ),
        (["{bag}", "--depth-camera-info-topic", "/none"], "has no topic /none for the depth-camera-info"),
        (["{bag}/drive.mcap", "{cut}"], "cannot be read as a bag"),
    ],
)
def test_a_memory_that_cannot_be_built_is_one_sentence(bag, tmp_path, arguments, sentence, capsys):
    cut = tmp_path / "cut.mcap"
    cut.write_bytes((bag / "drive.mcap").read_bytes()[:100_000])
    given = [each.format(bag=bag, cut=cut) for each in arguments]
    assert stub_build.build(stub_build.MeanColours(), *given, "-o", tmp_path / "map") == 1
    out, error = capsys.readouterr()
    assert (out, len(error.splitlines())) == ("", 1)
    assert sentence in error
    assert not (tmp_path / "map").exists()


def test_two_cameras_of_a_bag_are_both_remembered_in_the_order_of_recording(tmp_path, capsys):
    bag = write_bag(tmp_path / "bag", rear=True)
    assert stub_build.build(stub_build.MeanColours(), bag, *NEAR, "-o", tmp_path / "map") == 0
    found = keyframes(tmp_path / "map")
    late = 40_000_000  # the rear one's images, of which there are half as many
    # every 0.4 m: in front image 0, 4, 8; behind, where images are 0.2 m apart, the same
    assert [(each.camera, each.stamp_ns) for each in found] == [
        (camera, stamp_of(number) + behind)
        for number in (0, 4, 8)
        for camera, behind in (("camera_optical", 0), ("rear_optical", late))
    ]
    front, rear = found[0], found[1]
    assert front.points[:, 0] == pytest.approx(1.0 + 0.1 + 2.0)
    assert rear.points[:, 0] == pytest.approx(1.0 - 0.1 - 2.0)
    assert "6 keyframes, 6 new" in capsys.readouterr().out
    one = tmp_path / "one"
    assert (
        stub_build.build(stub_build.MeanColours(), bag, *NEAR, "--image-topic", "/rear/color/image_raw", "-o", one) == 0
    )
    assert [each.stamp_ns for each in keyframes(one)] == [each.stamp_ns for each in found[1::2]]


def test_an_image_topic_without_depth_is_left_out_and_told(tmp_path, capsys):
    """Two colour topics, of which one shares its namespace with a depth."""
    bag = write_bag(tmp_path / "bag", topic="/eye", rear=True)
    assert stub_build.build(stub_build.MeanColours(), bag, *NEAR, "-o", tmp_path / "map") == 0
    assert {each.camera for each in keyframes(tmp_path / "map")} == {"rear_optical"}
    assert "warning: bag: /eye/image_raw has no depth in its namespace and is left out; " in capsys.readouterr().err


def test_images_without_a_transform_are_rejected_and_the_reason_is_told(bag, tmp_path, capsys):
    assert stub_build.build(stub_build.MeanColours(), bag, *NEAR, "-o", tmp_path / "map", "--frame", "earth") == 0
    out = capsys.readouterr().out
    assert "0 keyframes" in out
    assert "rejected: 12 images, no transform: No transform from frame 'camera_optical' to frame 'earth'" in out


def test_a_memory_of_other_features_is_refused(bag, tmp_path, capsys):
    stub_build.build(stub_build.MeanColours(), bag, *NEAR, "-o", tmp_path / "map")
    other = stub_build.MeanColours()
    other.feature_space = "others"
    assert stub_build.build(other, bag, *NEAR, "-o", tmp_path / "map") == 1
    assert "the features are of feature_space 'others'" in capsys.readouterr().err
    assert other.calls == 0


def test_without_rosbags_the_remedy_is_named(bag, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rosbags.highlevel", None)
    assert stub_build.build(stub_build.MeanColours(), bag, "-o", tmp_path / "map") == 1
    assert "run `pip install rosbags`" in capsys.readouterr().err


def test_a_bag_of_ros_1_is_told_for_one(tmp_path, capsys):
    path = tmp_path / "drive.bag"
    path.touch()
    assert stub_build.build(stub_build.MeanColours(), path, "-o", tmp_path / "map") == 1
    assert "is a bag of ROS 1" in capsys.readouterr().err
