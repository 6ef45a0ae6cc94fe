# SPDX-License-Identifier: Apache-2.0
"""What is no bag is a BagError of one sentence, at once."""

import os
import struct

import pytest
from room_bag import TYPES, write_bag

from talk2dino_ros.ros.bags.bag_definitions import differing_field
from talk2dino_ros.ros.bags.bag_reader import BagError, open_bag


@pytest.mark.parametrize("name", ["a.mcap", "a.db3", "folder/a_0.mcap", "folder/metadata.yaml"])
def test_a_pipe_in_the_place_of_a_bags_file_is_not_waited_for(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    bag = path if path.parent == tmp_path else path.parent
    with pytest.raises(BagError, match=r"cannot be read as a bag .*it is a pipe"), open_bag(bag):
        pass


def test_a_record_of_a_terabyte_is_a_damaged_bag(tmp_path):
    """Found by `python -m benchmarks.fuzz`: to read so much is a MemoryError."""
    path = tmp_path / "a.mcap"
    path.write_bytes(b"\x89MCAP0\r\n\x01" + struct.pack("<Q", 1 << 62) + bytes(100) + b"\x89MCAP0\r\n")
    with pytest.raises(BagError, match=r"cannot be read as a bag \(\w.*ros2 bag record"), open_bag(path):
        pass


def test_a_bag_whose_own_definitions_are_not_ros_s_is_told_and_its_other_topics_are_read(tmp_path):
    """Found by `python -m benchmarks.fuzz`: its messages had other fields, and a replay ended in a traceback."""
    (path,) = write_bag(tmp_path / "drive", 1).glob("*.mcap")  # without metadata.yaml, whose sums tell it too
    whole = path.read_bytes()
    assert b"TransformStamped[] transforms" in whole
    path.write_bytes(whole.replace(b"TransformStamped[] transforms", b"TransformStamped[] transfurms"))
    says = "its definition of tf2_msgs/msg/TFMessage lacks ROS's field transforms, so no message of /tf can be read"
    with open_bag(path) as bag, pytest.raises(BagError, match=says):
        list(bag.messages(["/tf", "/camera/color/camera_info"]))
    with open_bag(path, is_forgiving=True) as bag:
        read = [topic for topic, _, _ in bag.messages(["/tf", "/camera/color/camera_info"])]
        assert (read, bag.losses) == (["/camera/color/camera_info"], [says])
        assert list(bag.messages(["/tf"])) == []


def test_definitions_are_compared_field_by_field_to_the_bottom():
    known = TYPES.fielddefs
    assert differing_field("sensor_msgs/msg/CameraInfo", known, known) == ""
    assert differing_field("my_msgs/msg/Own", {}, known) == ""  # of which nothing is known
    header = known["std_msgs/msg/Header"]
    renamed = {**known, "std_msgs/msg/Header": (header[0], [header[1][0], ("frame_if", header[1][1][1])])}
    assert differing_field("std_msgs/msg/Header", renamed, known) == "frame_id"
    assert differing_field("tf2_msgs/msg/TFMessage", renamed, known) == "transforms.header.frame_id"
    info = known["sensor_msgs/msg/CameraInfo"]
    more = {**known, "sensor_msgs/msg/CameraInfo": (info[0], [*info[1], ("added", info[1][1][1])])}
    assert differing_field("sensor_msgs/msg/CameraInfo", more, known) == ""  # as a later ROS may have it
    other = {**known, "sensor_msgs/msg/CameraInfo": (info[0], [("header", info[1][1][1]), *info[1][1:]])}
    assert differing_field("sensor_msgs/msg/CameraInfo", other, known) == "header"
