# SPDX-License-Identifier: Apache-2.0
"""Recordings as the desk's page shows them: by their time, again and again, and what cannot be shown of them."""

import numpy as np
import pytest
from watched_desk import cameras_of

from talk2dino_ros.cli.main import main
from talk2dino_ros.cli.servers.desk_cameras import desk_cameras
from talk2dino_ros.engine import ImageError
from talk2dino_ros.ros.bags.bag_topics import TopicNames
from talk2dino_ros.viz.pictures import write_picture
from talk2dino_ros.viz.videos import video_writer
from talk2dino_ros.web.desk import recorded_camera

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
from room_bag import TYPES, image_message, picture, write_bag
from rosbags.rosbag2 import StoragePlugin, Writer


@pytest.fixture
def clock(monkeypatch):
    """The time of recordings, in seconds; it stands still."""
    now = [100.0]
    monkeypatch.setattr(recorded_camera.time, "monotonic", lambda: now[0])
    return now


def grey(level):
    return np.full((32, 32, 3), level, np.uint8)


def write_topic(path, offsets_s, kind="sensor_msgs/msg/Image", topic="/eye/image"):
    """A bag with one image at each of these seconds, ever brighter by 20."""
    with Writer(path, version=9) as writer:
        connection = writer.add_connection(topic, kind, typestore=TYPES)
        for number, offset_s in enumerate(offsets_s):
            at_ns = round((1000 + offset_s) * 1e9)
            message = image_message(at_ns, grey(20 * number), "rgb8")
            writer.write(connection, at_ns, TYPES.serialize_cdr(message, connection.msgtype))
    return path


def levels(camera, clock, *seconds):
    """Which image a recording shows at these seconds, by its brightness; None where there is no new one."""
    found = []
    for each in seconds:
        clock[0] = 100.0 + each
        newest = camera.newest(0)
        found.append(newest and round(float(newest[1].mean()) / 20))
    return found


def test_a_video_drops_what_nobody_had_time_for_and_begins_again(tmp_path, clock):
    with video_writer(tmp_path / "grey.mp4", 10.0) as write:
        for level in range(0, 200, 20):
            write(grey(level))
    video = cameras_of(tmp_path / "grey.mp4")["grey"]
    assert levels(video, clock, 0.0, 0.05, 0.1) == [0, None, 1]
    assert levels(video, clock, 0.55) == [5]  # 0.2 to 0.4 were overtaken
    assert video.dropped == 3
    assert levels(video, clock, 0.65, 0.75, 0.85, 0.95, 1.05) == [6, 7, 8, 9, 0]
    assert levels(video, clock, 20.0) == [1]  # it was not looked at, and goes on
    assert (video.dropped, video.flaw) == (3, "")
    video.close()


def test_a_bag_runs_by_its_stamps_and_begins_again(tmp_path, clock):
    """Images at 0, 0.2 and 0.7 s, and one 20 s later, which is not waited for: the mean interval is 20.7 s / 3."""
    bag = cameras_of(write_topic(tmp_path / "drive", (0.0, 0.2, 0.7, 20.7)))["drive"]
    assert levels(bag, clock, 0.0, 0.15, 0.25, 0.65, 0.75) == [0, None, 1, None, 2]
    assert levels(bag, clock, 7.55, 7.65) == [None, 3]
    assert levels(bag, clock, 14.45, 14.55, 14.75) == [None, 0, 1]
    assert bag.dropped == 0
    bag.close()


def test_each_image_topic_of_a_bag_is_a_camera(tmp_path, clock):
    cameras = cameras_of(write_bag(tmp_path / "drive", 4, rear=True))
    assert list(cameras) == ["drive_camera_color", "drive_rear_color"]
    front, rear = cameras.values()
    assert np.array_equal(front.newest(0)[1], picture(0))
    assert rear.newest(0)[1].shape == picture(0).shape
    clock[0] += 0.25
    assert np.array_equal(front.newest(0)[1], picture(1))
    assert rear.newest(0) is None  # it has every other image
    chosen, _ = desk_cameras([str(tmp_path / "drive")], TopicNames(["/rear/color/image_raw"]))
    assert list(chosen) == ["drive"]


@pytest.mark.parametrize("end", [".mcap", ".db3"])
def test_a_bag_that_breaks_off_is_shown_as_far_as_it_goes_and_says_so(tmp_path, clock, end):
    plugin = StoragePlugin.MCAP if end == ".mcap" else StoragePlugin.SQLITE3
    bag = write_bag(tmp_path / "drive", 12, plugin=plugin)
    (file,) = bag.glob(f"*{end}")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    camera = cameras_of(file)[file.stem]
    shown = [camera.newest(0)[1]]
    assert camera.flaw.startswith(f"{file} is not whole: ")
    for number in range(1, 24):
        clock[0] = 100.0 + number / 5
        newest = camera.newest(0)
        shown += [] if newest is None else [newest[1]]
    assert all(np.array_equal(shown[number], picture(number)) for number in range(3))
    assert any(np.array_equal(each, picture(0)) for each in shown[3:12])  # it begins again before the missing half


def test_a_broken_recording_says_so_once_and_is_tried_again_later(tmp_path, clock):
    (tmp_path / "film.mp4").write_bytes(b"no video")
    film = cameras_of(tmp_path / "film.mp4")["film"]
    with pytest.raises(ImageError, match=r"film\.mp4 cannot be opened as a video"):
        film.newest(0)
    clock[0] += 4.9
    assert film.newest(0) is None
    clock[0] += 0.2
    with pytest.raises(ImageError):
        film.newest(0)


def test_an_image_of_a_bag_that_is_none_is_left_out_and_named(tmp_path, clock):
    with Writer(tmp_path / "drive", version=9) as writer:
        connection = writer.add_connection("/eye/image", "sensor_msgs/msg/Image", typestore=TYPES)
        for number in range(3):
            message = image_message(number * 10**9 + 1, grey(20 * number), "rgb8" if number != 1 else "rubbish8")
            writer.write(connection, number * 10**9 + 1, TYPES.serialize_cdr(message, connection.msgtype))
    camera = cameras_of(tmp_path / "drive")["drive"]
    assert levels(camera, clock, 0.0, 2.1, 3.2) == [0, 2, 0]
    assert camera.flaw.startswith("1 of its images are left out, the first because: ")
    assert "rubbish8" in camera.flaw


def test_what_cannot_be_shown_is_said_in_a_sentence_each(tmp_path, capsys):
    """Before any model is loaded: there is none of that name."""
    write_topic(tmp_path / "blind", (), "sensor_msgs/msg/CameraInfo", "/eye/camera_info")
    (tmp_path / "bad.mcap").write_bytes(b"no bag")
    for named, said in {
        "none.png": "does not exist or is of no known kind, expected a folder, a bag, a camera's number",
        "*.tiff": "matches nothing, expected pictures, videos or bags",
        "bad.mcap": "cannot be read as a bag (",
        "blind": "has no topic with images, but /eye/camera_info (sensor_msgs/msg/CameraInfo); expected",
    }.items():
        assert main(["web", str(tmp_path / named), "--model", "none"]) == 1
        error = capsys.readouterr().err
        assert (error.count("\n"), said in error) == (1, True), error


def test_what_is_left_out_beside_others_is_told(tmp_path):
    write_picture(tmp_path / "grey.png", grey(90))
    (tmp_path / "bad.mcap").write_bytes(b"no bag")
    cameras, left_out = desk_cameras([str(tmp_path / "grey.png"), str(tmp_path / "bad.mcap")], TopicNames())
    assert list(cameras) == ["grey"]
    assert [each.split(" (")[0] for each in left_out] == [f"{tmp_path / 'bad.mcap'} cannot be read as a bag"]
