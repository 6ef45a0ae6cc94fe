# SPDX-License-Identifier: Apache-2.0
"""Of /dev/shm only what is provably nobody's is removed."""

import fcntl
import os
import time

import pytest

from talk2dino_ros.ros.shared_memory.abandoned_segments import Removed, remove_abandoned

OLD_S = 60.0


def make(folder, name, *, age_s=OLD_S, has_lock=True):
    """Lay out a segment of 8192 bytes as Fast DDS does; return the path of its lock."""
    (folder / name).write_bytes(bytes(8192))
    lock = folder / f"{name}_el"
    if has_lock:
        lock.touch()
        os.utime(lock, (time.time() - age_s,) * 2)
    return lock


@pytest.mark.parametrize("library", ["fastrtps", "fastdds"])
def test_a_dead_processes_segment_is_removed(tmp_path, library):
    make(tmp_path, f"{library}_0123456789abcdef")
    assert remove_abandoned(tmp_path) == Removed(1, 8192)
    assert list(tmp_path.iterdir()) == []


def test_a_segment_whose_lock_is_held_stays(tmp_path):
    lock = make(tmp_path, "fastrtps_0123456789abcdef")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert remove_abandoned(tmp_path) == Removed(0, 0)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_segment_that_is_just_being_made_stays(tmp_path):
    make(tmp_path, "fastrtps_0123456789abcdef", age_s=0.0)
    assert remove_abandoned(tmp_path).segments == 0


def test_a_segment_from_before_the_clock_was_set_back_stays(tmp_path):
    make(tmp_path, "fastrtps_0123456789abcdef", age_s=-3600.0)
    assert remove_abandoned(tmp_path).segments == 0


@pytest.mark.parametrize(
    "name",
    ["fastrtps_port7412", "fast_datasharing_0123456789abcdef", "sem.fastrtps_port7412_mutex", "fastrtps_0123", "mine"],
)
def test_what_is_no_segment_stays(tmp_path, name):
    make(tmp_path, name)
    assert remove_abandoned(tmp_path).segments == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_a_segment_without_its_lock_stays(tmp_path):
    make(tmp_path, "fastrtps_0123456789abcdef", has_lock=False)
    assert remove_abandoned(tmp_path).segments == 0
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("whose", ["fastrtps_0123456789abcdef", "fastrtps_0123456789abcdef_el"])
def test_another_users_segment_stays(tmp_path, whose):
    make(tmp_path, "fastrtps_0123456789abcdef")
    os.chown(tmp_path / whose, 12345, -1)
    assert remove_abandoned(tmp_path).segments == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_pipes_and_links_under_such_names_neither_hang_nor_lead_elsewhere(tmp_path):
    target = tmp_path / "target"
    target.touch()
    os.utime(target, (time.time() - OLD_S,) * 2)
    make(tmp_path, "fastrtps_0123456789abcdef", has_lock=False)
    os.mkfifo(tmp_path / "fastrtps_0123456789abcdef_el")
    make(tmp_path, "fastrtps_fedcba9876543210", has_lock=False)
    (tmp_path / "fastrtps_fedcba9876543210_el").symlink_to(target)
    assert remove_abandoned(tmp_path).segments == 0
    assert len(list(tmp_path.iterdir())) == 5


def test_a_system_without_shared_memory_has_nothing_to_remove(tmp_path):
    assert remove_abandoned(tmp_path / "none") == Removed(0, 0)


@pytest.mark.parametrize(
    ("removed", "sentence"),
    [
        (Removed(1, 70_000_000), "removed 1 segment of shared memory (70 MB in /dev/shm), whose process was killed"),
        (Removed(2, 9_000_000), "removed 2 segments of shared memory (9 MB in /dev/shm), whose processes were killed"),
    ],
)
def test_one_segment_is_not_several(removed, sentence):
    assert str(removed) == sentence
