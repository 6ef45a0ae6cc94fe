# SPDX-License-Identifier: Apache-2.0
"""The layouts in which rosbag2 of Humble to Kilted writes bags, and what a crash leaves of them.

By rosbags' own writer, and by hand from its files: no rosbag2 is at hand.
"""

import sqlite3
import struct
from pathlib import Path

import pytest

from talk2dino_ros.ros.bags.bag_reader import BagError, open_bag
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
from room_bag import header, stamp_of
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.metadata import parse_qos
from rosbags.typesys import Stores, get_typestore
from ruamel.yaml import YAML

TOPIC = "/point"
MCAP_MAGIC = b"\x89MCAP0\r\n"
COUNT = 4
FOREVER = "\n    sec: 9223372036\n    nsec: 854775807"
QOS = (  # as Humble writes it
    "- history: 3\n  depth: 0\n  reliability: 1\n  durability: 2\n"
    f"  deadline:{FOREVER}\n  lifespan:{FOREVER}\n  liveliness: 1\n  liveliness_lease_duration:{FOREVER}\n"
    "  avoid_ros_namespace_conventions: false"
)
STORAGES = (StoragePlugin.MCAP, StoragePlugin.SQLITE3)


@pytest.fixture(params=STORAGES, ids=lambda plugin: plugin.name.lower())
def bag(request, tmp_path):
    return written(tmp_path / "drive", range(COUNT), request.param)


def stamps(path: Path) -> list[int]:
    """Return the stamps of all messages."""
    with open_bag(path) as bag:
        return [stamp_to_ns(message.header.stamp) for _, _, message in bag.messages([TOPIC])]


EXPECTED = [stamp_of(number) for number in range(COUNT)]


def changed(bag: Path, change) -> Path:
    """Change what metadata.yaml says."""
    yaml, path = YAML(typ="safe"), bag / "metadata.yaml"
    content = yaml.load(path.read_text())
    change(content["rosbag2_bagfile_information"])
    with path.open("w") as file:
        yaml.dump(content, file)
    return bag


@pytest.mark.parametrize("version", range(4, 10))
def test_every_version_of_the_metadata_is_read(bag, version):
    """4: quality of service as text. 5: each file's own. 6: custom data. 7: hashes. 8: the distribution. 9: now."""

    def older(about) -> None:
        about["version"] = version
        for since, name in ((5, "files"), (6, "custom_data"), (8, "ros_distro")):
            if version < since:
                about.pop(name, None)
        for each in about["topics_with_message_count"]:
            topic = each["topic_metadata"]
            if version < 9:
                topic["offered_qos_profiles"] = QOS
            if version < 7:
                topic.pop("type_description_hash", None)

    assert stamps(changed(bag, older)) == EXPECTED


def test_a_bag_whose_metadata_is_of_other_files_is_told_and_not_taken_for_an_empty_one(bag):
    def other(about) -> None:
        about["topics_with_message_count"][0]["topic_metadata"]["offered_qos_profiles"] = []

    with pytest.raises(BagError, match=r"of its 4 messages of /point none can be read, .* `ros2 bag reindex`"):
        stamps(changed(bag, other))


def test_a_bag_of_a_later_version_is_told(bag):
    with pytest.raises(BagError, match=r"cannot be read as a bag \(Rosbag2 version 10 not supported"):
        stamps(changed(bag, lambda about: about.update(version=10)))


def test_a_bag_without_its_metadata_is_told_and_its_file_alone_is_read(bag):
    (bag / "metadata.yaml").unlink()
    with pytest.raises(BagError, match=r"`ros2 bag reindex` restores a missing metadata\.yaml"):
        stamps(bag)
    assert stamps(next(path for path in bag.iterdir() if path.suffix in (".mcap", ".db3"))) == EXPECTED


@pytest.mark.parametrize("plugin", STORAGES)
@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_compressed_bags_are_read(tmp_path, plugin, mode):
    assert stamps(written(tmp_path / "drive", range(COUNT), plugin, mode)) == EXPECTED


def written(path: Path, numbers, plugin, mode=CompressionMode.NONE) -> Path:
    """Write a bag of points, which have a stamp and are short."""
    types = get_typestore(Stores.ROS2_HUMBLE)
    point = types.types["geometry_msgs/msg/PointStamped"]
    writer = Writer(path, version=9, storage_plugin=plugin)
    if mode != CompressionMode.NONE:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        qos = parse_qos(QOS)
        connection = writer.add_connection(TOPIC, point.__msgtype__, typestore=types, offered_qos_profiles=qos)
        for number in numbers:
            message = point(header(stamp_of(number), "camera"), types.types["geometry_msgs/msg/Point"](1.0, 2.0, 3.0))
            writer.write(connection, stamp_of(number), types.serialize_cdr(message, point.__msgtype__))
    return path


@pytest.mark.parametrize("plugin", STORAGES)
def test_a_bag_that_was_split_into_files_is_one(tmp_path, plugin):
    one, other = (written(tmp_path / name, numbers, plugin) for name, numbers in (("a", (0, 1)), ("b", (2, 3))))
    second = next(path for path in other.iterdir() if path.suffix in (".mcap", ".db3"))
    second.rename(one / second.name)

    def joined(about) -> None:
        about["relative_file_paths"].append(second.name)
        about["message_count"] = about["topics_with_message_count"][0]["message_count"] = COUNT
        about["duration"]["nanoseconds"] = EXPECTED[-1] - EXPECTED[0]

    assert stamps(changed(one, joined)) == EXPECTED
    (one / second.name).unlink()
    with pytest.raises(BagError, match=rf"Some database files are missing: .*{second.name}"):
        stamps(one)


def without_summary(data: bytes, *, footer: bool) -> bytes:
    """Of an MCAP file what stands before its summary: with a footer that says so, or as a crash leaves it."""
    at = len(MCAP_MAGIC)
    while data[at] != 0x0F:  # the end of the data
        at += 9 + struct.unpack_from("<Q", data, at + 1)[0]
    end = at + 9 + struct.unpack_from("<Q", data, at + 1)[0]
    return data[:end] + b"\x02" + struct.pack("<QQQI", 20, 0, 0, 0) + MCAP_MAGIC if footer else data[:at]


def test_an_mcap_without_a_summary_is_read_and_one_without_its_end_is_told(tmp_path):
    bag = written(tmp_path / "drive", range(COUNT), StoragePlugin.MCAP)
    (file,) = bag.glob("*.mcap")
    data = file.read_bytes()
    file.write_bytes(without_summary(data, footer=True))
    assert stamps(bag) == EXPECTED
    file.write_bytes(without_summary(data, footer=False))
    for path in (bag, file):
        with pytest.raises(BagError, match=r"cannot be read as a bag \(.*magic is invalid.* `mcap recover` repairs"):
            stamps(path)


def test_an_sqlite_bag_whose_log_was_left_by_a_crash_is_not_read_without_it(tmp_path):
    """As `ros2 bag record --storage-preset-profile resilient` leaves it when it is killed: the last messages are lost
    to a reader that does not look at the log."""
    bag = written(tmp_path / "drive", range(COUNT), StoragePlugin.SQLITE3)
    (file,) = bag.glob("*.db3")
    database = sqlite3.connect(file)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("DELETE FROM messages WHERE timestamp > (SELECT min(timestamp) FROM messages)")
    database.commit()
    log = file.with_name(f"{file.name}-wal")
    left = {path: path.read_bytes() for path in (file, log)}  # a copy of what a kill leaves
    database.close()
    for path, data in left.items():
        path.write_bytes(data)
    for path in (bag, file):
        with pytest.raises(BagError, match=r"db3-wal holds what is not in drive.db3 yet, .*wal_checkpoint\(TRUNCATE\)"):
            stamps(path)
    again = sqlite3.connect(file)  # what the sentence says
    again.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    again.close()
    assert not log.exists()
    for path in (bag, file):
        assert stamps(path) == EXPECTED[:1]
