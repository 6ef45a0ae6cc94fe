# SPDX-License-Identifier: Apache-2.0
"""What is no bag is a BagError of one sentence, at once."""

import os
import struct

import pytest

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
