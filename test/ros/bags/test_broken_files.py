# SPDX-License-Identifier: Apache-2.0
"""What can be read of bags that were cut off or damaged, and what is said of the rest."""

import struct
from binascii import crc32
from pathlib import Path

import pytest

from talk2dino_ros.ros.bags.bag_reader import BagError, open_bag
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
from room_bag import stamp_of, write_bag
from rosbags.rosbag2 import StoragePlugin

IMAGE = "/camera/color/image_raw"
COUNT = 12  # at 230,400 bytes each, in chunks of a megabyte


def read(path: Path) -> tuple[list[int], list[str], int]:
    """The stamps of the images, what was lost, and how many were said to be there."""
    with open_bag(path, is_forgiving=True) as bag:
        count = bag.count([IMAGE])
        stamps = [stamp_to_ns(message.header.stamp) for _, _, message in bag.messages([IMAGE])]
        return stamps, bag.losses, count


@pytest.fixture(params=[StoragePlugin.MCAP, StoragePlugin.SQLITE3], ids=["mcap", "sqlite"])
def bag(request, tmp_path):
    return write_bag(tmp_path / "drive", COUNT, plugin=request.param)


def file_of(bag: Path) -> Path:
    (file,) = (path for path in bag.iterdir() if path.suffix in (".mcap", ".db3"))
    return file


def test_of_a_whole_bag_all_is_read_and_nothing_is_lost(bag):
    assert read(bag) == ([stamp_of(number) for number in range(COUNT)], [], COUNT)


@pytest.mark.parametrize("with_metadata", [True, False])
def test_of_a_bag_that_is_cut_off_the_first_part_is_read(bag, with_metadata):
    file = file_of(bag)
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 6 // 10])
    if not with_metadata:
        (bag / "metadata.yaml").unlink()
    stamps, losses, count = read(bag)
    assert stamps == [stamp_of(number) for number in range(len(stamps))]
    assert 3 <= len(stamps) <= 8  # three fifths of twelve, less a chunk
    assert count in (len(stamps), len(stamps) + 1)  # SQLite knows of a row whose pixels are gone
    assert losses
    assert "its end is missing" in losses[0] or "cut off" in losses[0]
    with pytest.raises(BagError), open_bag(bag) as strict:
        list(strict.messages([IMAGE]))


def chunks_of(data: bytes) -> list[tuple[int, int]]:
    """Start and end of each chunk of an MCAP file."""
    at, found = 8, []
    while data[at] != 0x0F:
        length = 9 + struct.unpack_from("<Q", data, at + 1)[0]
        found += [(at, at + length)] if data[at] == 0x06 else []
        at += length
    return found


CHECKSUM, FIRST_MESSAGE = 9 + 24, 9 + 40  # in a chunk: of what follows its head, and where that begins


@pytest.mark.parametrize("with_end", [True, False])
def test_behind_a_damaged_chunk_reading_goes_on(tmp_path, with_end):
    """With the checksum that rosbag2 writes, and rosbags does not."""
    bag = write_bag(tmp_path / "drive", COUNT)
    file = file_of(bag)
    data = bytearray(file.read_bytes())
    start, end = chunks_of(data)[1]
    struct.pack_into("<I", data, start + CHECKSUM, crc32(data[start + FIRST_MESSAGE : end]))
    data[start + FIRST_MESSAGE + 1] ^= 0xFF  # the first record's length
    file.write_bytes(data if with_end else data[: chunks_of(data)[-1][1]])
    stamps, losses, _ = read(bag)
    whole = [stamp_of(number) for number in range(COUNT)]
    assert (stamps[0], stamps[-1]) == (whole[0], whole[-1])
    assert set(stamps) < set(whole)
    assert len(stamps) >= COUNT - 5
    assert any(f"a chunk of {end - start} bytes is damaged" in loss for loss in losses)


def test_a_message_under_another_number_is_missed(tmp_path):
    bag = write_bag(tmp_path / "drive", COUNT)
    file = file_of(bag)
    data = bytearray(file.read_bytes())
    start, end = chunks_of(data)[1]
    data[start + FIRST_MESSAGE + 9] = 0xFF  # its topic
    file.write_bytes(data)
    with open_bag(bag, is_forgiving=True) as opened:
        read_there = sum(1 for _ in opened.messages(list(opened.types)))
        assert read_there == opened.count(list(opened.types)) - 1
        assert opened.losses == [
            f"a chunk of {end - start} bytes is damaged (1 of its messages are none of the index's)"
        ]


def test_an_empty_file_and_one_of_something_else_are_told(tmp_path):
    for name, data in (("a.mcap", b""), ("b.mcap", b"<html>"), ("c.db3", b""), ("d.db3", b"<html>" * 100)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BagError, match="cannot be read as a bag"), open_bag(tmp_path / name, is_forgiving=True):
            pass
