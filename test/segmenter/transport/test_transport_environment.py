# SPDX-License-Identifier: Apache-2.0
"""The transport that follows from a process's environment, and the process that a publisher's id stands for."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import ParseError

import pytest

from talk2dino_ros.ros.parameters.launch_arguments import profile_names
from talk2dino_ros.segmenter.transport import image_transport
from talk2dino_ros.segmenter.transport.image_transport import (
    DEFAULT_SEGMENT,
    find_sender,
    is_same_machine,
    segment_of_profile,
    transport_of,
)

CONFIG = Path(__file__).parents[3] / "config"
PROFILE = (CONFIG / "fastdds.xml").read_text()
PROFILE_NAME = profile_names(os.environ)[0]


def test_a_process_without_a_profile_has_fast_dds_default_segment():
    assert transport_of({}, Path()).segment == 524288 == DEFAULT_SEGMENT


@pytest.mark.parametrize("variable", ["FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"])
@pytest.mark.parametrize(("name", "size"), [("fastdds.xml", 67108864), ("fastdds_small.xml", 16777216)])
def test_the_shipped_profiles_give_their_segments(variable, name, size):
    found = transport_of({variable: str(CONFIG / name)}, Path())
    assert found.segment == size
    assert name in found.why


@pytest.mark.parametrize("distribution", ["humble", "jazzy"])
def test_fast_dds_2_knows_the_old_variable_alone(distribution):
    path = str(CONFIG / "fastdds.xml")
    new = {"ROS_DISTRO": distribution, "FASTDDS_DEFAULT_PROFILES_FILE": path}
    assert transport_of(new, Path()).segment == 524288
    assert transport_of(new | {"FASTRTPS_DEFAULT_PROFILES_FILE": path}, Path()).segment == 67108864


def test_a_relative_path_starts_where_the_process_was_started():
    assert transport_of({"FASTDDS_DEFAULT_PROFILES_FILE": "fastdds.xml"}, CONFIG).segment == 67108864
    assert transport_of({"FASTDDS_DEFAULT_PROFILES_FILE": f"file://{CONFIG}/fastdds.xml"}, Path()).segment == 67108864


@pytest.mark.parametrize("content", [None, "no xml", "<!DOCTYPE dds [<!ENTITY a 'a'>]><dds>&a;</dds>"])
def test_a_profile_that_cannot_be_read_leaves_the_default_and_says_so(tmp_path, content):
    path = tmp_path / "own.xml"
    if content is not None:
        path.write_text(content)
    found = transport_of({"FASTDDS_DEFAULT_PROFILES_FILE": str(path)}, Path())
    assert found.segment == DEFAULT_SEGMENT
    assert f"the profile {path} of its FASTDDS_DEFAULT_PROFILES_FILE cannot be read" in found.why


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "own.xml")
    assert "cannot be read" in transport_of({"FASTDDS_DEFAULT_PROFILES_FILE": str(tmp_path / "own.xml")}, Path()).why


@pytest.mark.parametrize(
    ("variable", "value"), [("FASTDDS_BUILTIN_TRANSPORTS", "LARGE_DATA"), ("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp")]
)
def test_another_transport_or_middleware_is_not_guessed_at(variable, value):
    found = transport_of({variable: value}, Path())
    assert found.segment is None
    assert value in found.why


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("<segment_size>67108864</segment_size>", "<segment_size> 4096 </segment_size>"), 4096),
        (("<segment_size>67108864</segment_size>", ""), DEFAULT_SEGMENT),
        (('is_default_profile="true"', ""), DEFAULT_SEGMENT),  # ROS takes the default profile only
        (("<type>SHM</type>", "<type>UDPv4</type>"), 0),  # no shared memory at all
        (("          <transport_id>shared_memory</transport_id>\n", ""), 0),  # described and not used
        ((' xmlns="http://www.eprosima.com"', ""), 67108864),
    ],
)
def test_a_profile_is_read_as_fast_dds_reads_it(change, expected):
    assert change[0] in PROFILE
    assert segment_of_profile(PROFILE.replace(*change)) == expected


def test_the_builtin_transport_stays_beside_a_smaller_one_of_the_user():
    small = PROFILE.replace("67108864", "4096")
    assert segment_of_profile(small.replace("<useBuiltinTransports>false", "<useBuiltinTransports>true")) == 524288


def test_what_is_no_profile_raises():
    with pytest.raises(ParseError):
        segment_of_profile("<dds>")
    with pytest.raises(ValueError, match="big"):
        segment_of_profile(PROFILE.replace("67108864", "big"))


@pytest.fixture
def dds_process():
    """A process that has Fast DDS loaded, with a profile of its own."""
    pytest.importorskip("rclpy", reason="ROS 2 is missing: rclpy cannot be imported")
    code = "import rclpy; rclpy.init(); node = rclpy.create_node('sender'); print('up', flush=True); input()"
    environment = {**os.environ, PROFILE_NAME: "fastdds_small.xml", "SECRET": "hush"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=CONFIG, **pipes)
    assert process.stdout.readline() == "up\n"
    yield process
    process.kill()
    process.communicate()


def gid_of(pid: int) -> bytes:
    return bytes.fromhex("010f0203") + (pid & 0xFFFF).to_bytes(2, "little") + bytes(10)


def test_a_process_is_found_by_its_publishers_id_with_its_profile_and_without_its_secrets(dds_process):
    sender = find_sender(gid_of(dds_process.pid))
    assert sender.pid == dds_process.pid
    assert sender.environment[PROFILE_NAME] == "fastdds_small.xml"
    assert "SECRET" not in sender.environment
    assert sender.transport.segment == 16777216  # by the path from where it was started


def test_an_id_without_a_process_that_uses_dds_finds_no_sender():
    assert find_sender(gid_of(1)) is None  # init
    free = next(number for number in range(2, 1 << 16) if not any_process_has(number))
    assert find_sender(gid_of(free)) is None


def any_process_has(low_half: int) -> bool:
    return any(int(path.name) & 0xFFFF == low_half for path in Path("/proc").iterdir() if re.match(r"\d+\Z", path.name))


def test_two_processes_that_could_be_it_are_none(tmp_path, monkeypatch):
    for number in (5, 5 + (1 << 16)):
        process = tmp_path / str(number)
        process.mkdir()
        (process / "maps").write_text("7f00-7f01 rw-s 0 0:0 0 /dev/shm/fastdds_1\n")
        (process / "environ").write_bytes(b"A=b\0")
    monkeypatch.setattr(image_transport, "PROCESSES", tmp_path)
    assert find_sender(gid_of(5)) is None
    (tmp_path / "65541" / "maps").write_text("")
    assert find_sender(gid_of(5)).pid == 5


def test_a_machine_is_told_by_the_first_bytes():
    assert is_same_machine(gid_of(5), gid_of(6))
    assert not is_same_machine(gid_of(5), bytes.fromhex("010f0204") + bytes(12))
