# SPDX-License-Identifier: Apache-2.0
"""`talk2dino replay`: a bag of a camera that drives past a photograph (room_bag.py), segmented by mean colours."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
import stub_replay
from room_bag import HEIGHT, SPEED_MPS, WIDTH, picture, stamp_of, write_bag
from rosbags.rosbag2 import StoragePlugin
from stub_replay import WatchedSegmenter, contents, replay

from talk2dino_ros.ros.conversions.stamps import stamp_to_ns

COUNT = 6
IN_MAP = "talk2dino:\n  ros__parameters:\n    target_frame: map\n    min_area_share: 0.02\n"


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    return write_bag(tmp_path_factory.mktemp("bags") / "drive", COUNT, without_depth=(4,))


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    path = tmp_path_factory.mktemp("params") / "params.yaml"
    path.write_text(IN_MAP)
    return path


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def pixels(image) -> np.ndarray:
    return image.data.reshape(image.height, image.step)[:, : image.width]


def test_each_image_gets_the_mask_that_the_model_gives_it_under_its_own_header(bag, tmp_path, capsys):
    assert replay(WatchedSegmenter(), bag, "-o", tmp_path / "masks") == 0
    found, segmenter = contents(tmp_path / "masks"), WatchedSegmenter()
    vocabulary = segmenter.encode_vocabulary(["red", "green", "blue"])
    assert len(found["/talk2dino/mask"]) == len(found["/talk2dino/confidence"]) == COUNT
    for number, ((recorded_ns, mask), (_, confidence)) in enumerate(
        zip(found["/talk2dino/mask"], found["/talk2dino/confidence"], strict=True)
    ):
        expected = segmenter.segment(picture(number), vocabulary)
        assert np.array_equal(pixels(mask), expected.class_ids)
        assert np.array_equal(pixels(confidence), expected.confidence)
        assert (mask.encoding, mask.width, mask.height) == ("mono8", WIDTH, HEIGHT)
        assert stamp_to_ns(mask.header.stamp) == recorded_ns == stamp_of(number)
        assert mask.header.frame_id == "camera_optical"
    ((told_ns, labels),) = found["/talk2dino/label_info"]
    assert told_ns <= stamp_of(0)
    assert [(each.class_id, each.class_name) for each in labels.class_map] == [(1, "red"), (2, "green"), (3, "blue")]
    assert f"{COUNT} masks of {COUNT} images on /camera/color/image_raw" in capsys.readouterr().out


def test_points_and_tracks_have_the_places_that_depth_and_tf_give_them(bag, params, tmp_path):
    """The wall is two metres before the camera, which is 0.1 m before a robot at x = 1: at x = 3.1 in the map."""
    assert replay(WatchedSegmenter(), bag, "--params", params, "-o", tmp_path / "masks") == 0
    found = contents(tmp_path / "masks")
    versions = {stamp_to_ns(labels.header.stamp) for _, labels in found["/talk2dino/label_info"]}
    ids = set()
    for number, ((_, points), (_, objects)) in enumerate(
        zip(found["/talk2dino/points_of_interest"], found["/talk2dino/objects"], strict=True)
    ):
        assert {points.vocabulary_version, objects.vocabulary_version} == versions
        assert objects.header.frame_id == "map"
        assert len(points.points) > 0
        for point in points.points:
            assert point.has_position == (number != 4)  # no depth within 20 ms of its own
            if point.has_position:
                assert (point.frame_id, point.position.x) == ("map", pytest.approx(3.1, abs=0.01))
                y = 2.0 - SPEED_MPS * number / 5  # the camera's
                assert abs(point.position.y - y) < WIDTH / 2 / 200 * 2.0
            else:
                assert "195.0 ms" in point.no_position_reason
        ids |= {each.id for each in objects.objects if each.state == 1}
    assert ids  # something was seen often enough to be confirmed


def test_a_bag_of_a_body_frame_is_warned_of_once_and_replayed(bag, params, tmp_path, capsys):
    assert replay(WatchedSegmenter(), bag, "--params", params, "-o", tmp_path / "masks") == 0
    assert "optical frame" not in capsys.readouterr().err
    turned = write_bag(tmp_path / "turned", 2, turn=(0.0, 0.0, 0.0, 1.0))
    assert replay(WatchedSegmenter(), turned, "--params", params, "-o", tmp_path / "more") == 0
    says = "/camera/color/image_raw are in the frame 'camera_optical', whose z axis points 90 degrees upwards in 'map'"
    assert capsys.readouterr().err.count(says) == 1


@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_compressed_images_and_depth_are_read_of_either_storage(tmp_path, params, plugin):
    bag = write_bag(tmp_path / "drive", 3, compressed=True, plugin=plugin)
    assert replay(WatchedSegmenter(), bag, "--params", params, "-o", tmp_path / "masks") == 0
    found = contents(tmp_path / "masks")
    assert len(found["/talk2dino/mask"]) == 3
    points = [point for _, each in found["/talk2dino/points_of_interest"] for point in each.points]
    assert [point.position.x for point in points] == [pytest.approx(3.1, abs=0.01)] * len(points)


def test_two_cameras_have_topics_of_their_own_and_each_its_own_images(tmp_path):
    bag = write_bag(tmp_path / "drive", 4, rear=True)
    assert replay(WatchedSegmenter(), bag, "-o", tmp_path / "masks") == 0
    found = contents(tmp_path / "masks")
    assert len(found["/talk2dino/camera_color/mask"]) == 4
    assert [at for at, _ in found["/talk2dino/rear_color/mask"]] == [stamp_of(n) + 40_000_000 for n in (0, 2)]
    assert {mask.header.frame_id for _, mask in found["/talk2dino/rear_color/mask"]} == {"rear_optical"}
    assert replay(WatchedSegmenter(), bag, "-o", tmp_path / "one", "--image-topic", "/rear/color/image_raw") == 0
    assert len(contents(tmp_path / "one")["/talk2dino/mask"]) == 2


WITHOUT_ROS = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top.endswith("_msgs") or top in {"ament_index_python", "builtin_interfaces", "cv_bridge", "rclpy"}:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
sys.path[:0] = sys.argv[1].split(",")
from stub_replay import WatchedSegmenter, contents, replay
sys.exit(replay(WatchedSegmenter(), *sys.argv[2:]))
"""


def test_where_no_ros_is_the_same_bytes_are_written(bag, params, tmp_path):
    tests, arguments = Path(stub_replay.__file__).parent, [bag, "--params", params, "--overlay", "-o"]
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    assert replay(WatchedSegmenter(), *arguments, tmp_path / "with" / "masks") == 0
    command = [sys.executable, "-c", WITHOUT_ROS, f"{tests},{tests.parent}", *arguments, tmp_path / "without" / "masks"]
    environment = {name: value for name, value in os.environ.items() if name != "AMENT_PREFIX_PATH"}
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "without" / "masks") == files(tmp_path / "with" / "masks")
    assert len(contents(tmp_path / "with" / "masks")["/talk2dino/overlay"]) == COUNT


@pytest.mark.parametrize("image", [1, 4])
def test_a_replay_that_was_killed_goes_on_to_the_same_bytes(bag, params, tmp_path, image):
    arguments = [bag, "--params", params, "-o"]
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    assert replay(WatchedSegmenter(), *arguments, tmp_path / "whole" / "masks") == 0
    output, marker = tmp_path / "killed" / "masks", tmp_path / "marker"
    command = [sys.executable, stub_replay.__file__, str(image), str(marker), *map(str, arguments), str(output)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        while not marker.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not output.exists()
    again = WatchedSegmenter()
    assert replay(again, *arguments, output) == 0
    assert again.calls == COUNT - (image - 1)  # the image in hand is segmented again, those before are not
    assert files(output) == files(tmp_path / "whole" / "masks")
    assert [path.name for path in output.parent.iterdir()] == ["masks"]


def test_with_smoothing_all_images_are_segmented_again_and_the_bytes_are_the_same(bag, tmp_path):
    (tmp_path / "whole").mkdir()
    assert replay(WatchedSegmenter(score_smoothing=0.5), bag, "-o", tmp_path / "whole" / "masks") == 0
    assert replay(WatchedSegmenter(interrupt_at(3), score_smoothing=0.5), bag, "-o", tmp_path / "masks") == 130
    again = WatchedSegmenter(score_smoothing=0.5)
    assert replay(again, bag, "-o", tmp_path / "masks") == 0
    assert again.calls == COUNT
    assert files(tmp_path / "masks") == files(tmp_path / "whole" / "masks")


def interrupt_at(number: int):
    def on_call(call: int) -> None:
        if call == number:
            raise KeyboardInterrupt

    return on_call


def test_ctrl_c_says_how_to_go_on(bag, tmp_path, capsys):
    assert replay(WatchedSegmenter(interrupt_at(3)), bag, "-o", tmp_path / "masks") == 130
    assert f"stopped after 2 of {COUNT} images; the same command continues from there" in capsys.readouterr().err
    again = WatchedSegmenter()
    assert replay(again, bag, "-o", tmp_path / "masks") == 0
    assert again.calls == COUNT - 2
    assert "2 images had been segmented before" in capsys.readouterr().out


def test_a_replay_does_not_go_on_with_other_words(bag, tmp_path, capsys):
    assert replay(WatchedSegmenter(interrupt_at(3)), bag, "-o", tmp_path / "masks") == 130
    capsys.readouterr()
    assert replay(WatchedSegmenter(), bag, "-o", tmp_path / "masks", "--classes", "red, blue") == 1
    assert "masks.unfinished is of a replay with other words, expected the same command" in capsys.readouterr().err
