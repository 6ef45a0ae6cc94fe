# SPDX-License-Identifier: Apache-2.0
"""What a replay cannot use: one sentence each, and nothing of what can be used is lost."""

import os

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
from room_bag import TYPES, header, image_message, picture, stamp_of, write_bag
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import get_types_from_msg
from stub_replay import WatchedSegmenter, contents, replay

from talk2dino_ros.segmenter.replay.replay_camera import ReplayCamera
from talk2dino_ros.segmenter.replay.result_journal import ResultJournal

COUNT = 6


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    return write_bag(tmp_path_factory.mktemp("bags") / "drive", COUNT)


def written(path, topics):
    """A bag of topics: name -> type and messages, one a fifth of a second."""
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for topic, (kind, messages) in topics.items():
            connection = writer.add_connection(topic, kind, typestore=TYPES)
            for number, message in enumerate(messages):
                writer.write(connection, stamp_of(number), TYPES.serialize_cdr(message, kind))
    return path


def compressed(number, form, data):
    message = TYPES.types["sensor_msgs/msg/CompressedImage"]
    return message(header(stamp_of(number), "camera"), form, np.frombuffer(data, np.uint8))


def refusal(capsys, *arguments) -> str:
    """The sentence of a replay that is refused before an image is segmented."""
    segmenter = WatchedSegmenter()
    assert replay(segmenter, *arguments) == 1
    assert segmenter.calls == 0
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("talk2dino: ")][-1]


def test_a_bag_that_is_not_there(tmp_path, capsys):
    assert "nowhere does not exist, expected a bag's folder or file" in refusal(capsys, tmp_path / "nowhere")


def test_a_bag_without_images_says_what_it_has(tmp_path, capsys):
    point = TYPES.types["geometry_msgs/msg/PointStamped"]
    place = TYPES.types["geometry_msgs/msg/Point"](1.0, 2.0, 3.0)
    bag = written(
        tmp_path / "drive", {"/goal": ("geometry_msgs/msg/PointStamped", [point(header(stamp_of(0), "map"), place)])}
    )
    said = refusal(capsys, bag)
    assert "has no topic with images, but /goal (geometry_msgs/msg/PointStamped)" in said
    assert "record the camera's images too" in said
    said = refusal(capsys, bag, "--image-topic", "/camera/image")
    assert "no topic /camera/image for the image" in said


def test_a_transport_of_video_packets_is_named_with_the_remedy(tmp_path, capsys):
    kind = "ffmpeg_image_transport_msgs/msg/FFMPEGPacket"
    TYPES.register(get_types_from_msg("std_msgs/Header header\nuint8[] data\n", kind))
    packet = TYPES.types[kind](header(stamp_of(0), "camera"), np.zeros(3, np.uint8))
    bag = written(tmp_path / "drive", {"/camera/image/ffmpeg": (kind, [packet])})
    assert "turn /camera/image/ffmpeg into images by `ros2 run image_transport republish`" in refusal(capsys, bag)


def test_compressed_images_that_cannot_be_decoded_are_told_with_the_first_reason(tmp_path, capsys):
    frames = [compressed(number, "h264", b"\x00\x00\x01\x67") for number in range(3)]
    bag = written(tmp_path / "drive", {"/camera/image/compressed": ("sensor_msgs/msg/CompressedImage", frames)})
    said = refusal(capsys, bag, "-o", tmp_path / "masks")
    assert "of 3 images none became a mask, the first because: The 4 bytes of a compressed image of format" in said
    assert "'h264'" in said
    assert not (tmp_path / "masks").exists()


def test_one_image_that_is_none_costs_itself_alone(tmp_path, capsys):
    good = [image_message(stamp_of(number), picture(number), "rgb8") for number in range(3)]
    good[1].encoding = "rgb99"
    bag = written(tmp_path / "drive", {"/camera/image": ("sensor_msgs/msg/Image", good)})
    assert replay(WatchedSegmenter(), bag, "-o", tmp_path / "masks") == 0
    assert [at for at, _ in contents(tmp_path / "masks")["/talk2dino/mask"]] == [stamp_of(0), stamp_of(2)]
    told = capsys.readouterr()
    assert "2 masks of 3 images" in told.out
    assert "warning: 1 time an image on /camera/image was dropped, the first because: " in told.err
    assert "rgb99" in told.err


def test_an_output_that_is_there_or_is_the_bag_or_lies_in_it_is_refused_and_left_alone(bag, tmp_path, capsys):
    before = {path: path.read_bytes() for path in bag.iterdir()}
    (tmp_path / "there").write_text("mine")
    assert "there already exists, expected a new folder" in refusal(capsys, bag, "-o", tmp_path / "there")
    assert "is the bag that is replayed or lies in it" in refusal(capsys, bag, "-o", bag)
    assert "is the bag that is replayed or lies in it" in refusal(capsys, bag, "-o", bag / "masks")
    assert (tmp_path / "there").read_text() == "mine"
    assert {path: path.read_bytes() for path in bag.iterdir()} == before


def test_a_place_that_cannot_be_written_is_told_before_a_model_is_loaded(bag, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert "masks.unfinished cannot be written (Not a directory)" in refusal(
        capsys, bag, "-o", tmp_path / "file" / "masks"
    )


def test_a_params_file_with_a_wrong_value_is_told_with_its_line(bag, tmp_path, capsys):
    (tmp_path / "params.yaml").write_text("talk2dino:\n  ros__parameters:\n    max_points_per_class: many\n")
    assert "params.yaml, line 3, has many in max_points_per_class" in refusal(
        capsys, bag, "--params", tmp_path / "params.yaml"
    )


def test_words_with_which_it_cannot_start(bag, tmp_path, capsys):
    assert "cup" in refusal(capsys, bag, "-o", tmp_path / "masks", "--classes", "cup; cup")
    said = refusal(capsys, bag, "-o", tmp_path / "masks", "--vocabulary", tmp_path / "none.safetensors")
    assert "none.safetensors cannot be read as a vocabulary" in said


def full(*_arguments):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["bag", "points", "results"])
def test_a_full_disk_is_told_and_the_same_command_goes_on(bag, tmp_path, capsys, monkeypatch, where):
    with monkeypatch.context() as patch:
        if where == "results":
            patch.setattr(ResultJournal, "put", _full_at(3, ResultJournal.put))
        elif where == "points":  # behind the mask, where the pipeline takes what is raised for the image's fault
            patch.setattr(ReplayCamera, "publish_places", full)
        else:
            patch.setattr(McapWriter, "close_chunk", full)
        assert replay(WatchedSegmenter(), bag, "-o", tmp_path / "masks") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert ("database or disk is full" if where == "results" else "No space left") in said
    assert "the same command" in said
    assert not (tmp_path / "masks").exists()
    again = WatchedSegmenter()
    assert replay(again, bag, "-o", tmp_path / "masks") == 0
    assert again.calls < COUNT
    assert len(contents(tmp_path / "masks")["/talk2dino/mask"]) == COUNT


def _full_at(number, put):
    """Let the database of a journal grow no more from this result on."""

    def limited(journal, at, *what):
        if at == number:
            pages = journal._database.execute("PRAGMA page_count").fetchone()[0]
            journal._database.execute(f"PRAGMA max_page_count={pages}")
        put(journal, at, *what)

    return limited


def test_of_a_bag_that_is_cut_off_the_first_part_is_replayed_and_the_rest_is_told(tmp_path, capsys):
    bag = write_bag(tmp_path / "drive", COUNT)
    with (bag / "drive.mcap").open("r+b") as file:
        file.truncate(1_500_000)
    (bag / "metadata.yaml").unlink()
    assert replay(WatchedSegmenter(), bag, "-o", tmp_path / "masks") == 0
    found = [at for at, _ in contents(tmp_path / "masks")["/talk2dino/mask"]]
    assert found == [stamp_of(number) for number in range(len(found))]
    assert 2 <= len(found) < COUNT
    told = capsys.readouterr().err
    assert f"warning: {bag} is not whole: its end is missing, and the last " in told


def test_topics_of_any_type_are_counted_and_not_used(tmp_path, capsys):
    kind = "acme_msgs/msg/Riddle"
    TYPES.register(get_types_from_msg("string text\n", kind))
    images = [image_message(stamp_of(number), picture(number), "rgb8") for number in range(2)]
    bag = written(
        tmp_path / "drive",
        {"/camera/image": ("sensor_msgs/msg/Image", images), "/riddle": (kind, [TYPES.types[kind]("?")] * 2)},
    )
    assert replay(WatchedSegmenter(), bag) == 0
    assert "not used: 2 messages of /riddle (acme_msgs/msg/Riddle)" in capsys.readouterr().out
    assert len(contents(tmp_path / "drive_replayed")["/talk2dino/mask"]) == 2  # without --output: beside it


def test_two_replays_to_one_output_are_told_apart(bag, tmp_path, capsys):
    def second(number):
        if number == 1:
            assert replay(WatchedSegmenter(), bag, "-o", tmp_path / "masks") == 1

    assert replay(WatchedSegmenter(second), bag, "-o", tmp_path / "masks") == 0
    assert "results.sqlite cannot be used (database is locked)" in capsys.readouterr().err


def test_a_pipe_in_the_place_of_a_file_of_the_bag_is_not_waited_for(tmp_path, capsys):
    (tmp_path / "drive").mkdir()
    os.mkfifo(tmp_path / "drive" / "drive.mcap")
    assert "it is a pipe" in refusal(capsys, tmp_path / "drive")
