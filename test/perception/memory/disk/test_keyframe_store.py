# SPDX-License-Identifier: Apache-2.0
import dataclasses
import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from memory_story import DIRECTIONS, KIND, at_file, filled, pose_at, reopened, seeded_keyframe, stamps

from talk2dino_ros.perception.memory.disk import store_lock
from talk2dino_ros.perception.memory.disk.keyframe_store import AHEAD, FeatureKind, KeyframeStore, StoreWriteError
from talk2dino_ros.perception.memory.disk.store_lock import StoreError


def test_keyframes_their_kind_and_their_basis_are_there_after_a_restart(store):
    again = reopened(filled(store))
    assert stamps(again) == [1, 2, 3]
    assert again.kind == KIND
    assert np.array_equal(again.directions, DIRECTIONS)
    assert np.array_equal(dict(again)[2].codes, seeded_keyframe(2).codes)
    again.close()


def test_the_basis_grows_with_the_keyframe_that_it_grew_for(store):
    store.add(seeded_keyframe(1), KIND, DIRECTIONS[:2])
    store.add(seeded_keyframe(2), KIND, DIRECTIONS[2:5])
    assert np.array_equal(store.directions, DIRECTIONS[:5])
    again = reopened(store)
    assert np.array_equal(again.directions, DIRECTIONS[:5])
    again.close()


def test_an_empty_store_has_no_kind(store):
    assert (store.kind, store.ids(), store.notices) == (None, [], [])


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"feature_space": "space-b"}, "feature_space 'space-b'.* feature_space 'space-a'"),
        ({"frame": "odom"}, "frame 'odom'.* frame 'map'"),
        ({"model": "talk2dino_vitb", "dimensions": 768}, "model 'talk2dino_vitb', dimensions 768.* model 'mini'"),
    ],
)
def test_features_of_another_kind_are_refused_with_both_names_and_a_map_id_for_them(store, other, named):
    kind = dataclasses.replace(KIND, **other)
    filled(store).check_kind(KIND)
    with pytest.raises(StoreError, match=rf"{named}.*map_id 'office_2'"):
        store.add(seeded_keyframe(9), kind)
    assert stamps(store) == [1, 2, 3]


def test_another_maps_memory_is_refused_with_both_names(store):
    filled(store).close()
    store.folder.rename(store.folder.parent / "kitchen")
    with pytest.raises(StoreError, match="is of the map 'office', but map_id is 'kitchen'"):
        KeyframeStore(store.folder.parent, "kitchen")


def test_a_map_that_is_a_link_out_of_its_folder_is_refused_and_a_linked_folder_is_not(tmp_path):
    memories, elsewhere = tmp_path / "memories", tmp_path / "elsewhere"
    for each in (memories, elsewhere):
        each.mkdir()
    (memories / "office").symlink_to(elsewhere)
    with pytest.raises(StoreError, match=rf"is a link that leads out of its folder, to {elsewhere}"):
        KeyframeStore(memories, "office")
    assert not list(elsewhere.iterdir())
    (tmp_path / "linked").symlink_to(memories)
    for name in ("kitchen", "console", "office.2"):
        KeyframeStore(tmp_path / "linked", name).close()
        assert (memories / name).is_dir()


def test_a_folder_of_a_name_that_no_file_has_is_refused(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        KeyframeStore(tmp_path / "a\0b", "office")


@pytest.mark.parametrize(
    "map_id",
    ["", "..", ".hidden", "a/b", "../up", "ü", "a" * 101, "office\n", "CON", "nul.1", "a:b", "dots...", "a\0b"],
)
def test_a_map_id_that_is_no_folders_name_is_refused(tmp_path, map_id):
    with pytest.raises(StoreError, match="letters, digits"):
        KeyframeStore(tmp_path, map_id)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (3, "is of version 3, expected 2; it was written by a newer talk2dino_ros: update this one, or choose another"),
        (1, "is of version 1, expected 2; it was written by an older talk2dino_ros: build it again, or choose another"),
    ],
)
def test_a_store_of_another_version_is_refused_and_stays_as_it_is(store, version, said):
    filled(store).close()
    database = sqlite3.connect(at_file(store))
    database.execute(f"PRAGMA user_version={version}")
    database.close()
    before = at_file(store).read_bytes()
    with pytest.raises(StoreError, match=said):
        KeyframeStore(store.folder.parent, "office")
    assert at_file(store).read_bytes() == before


def test_the_log_beside_the_file_stays_small(store):
    """A keyframe has some 100 kB here; SQLite's own limit is 4 MB."""
    for seed in range(1, 60):
        store.add(dataclasses.replace(seeded_keyframe(seed), jpeg=bytes(100_000)), KIND)
    assert (store.folder / "memory.sqlite3-wal").stat().st_size < 1.5e6


def test_another_programs_database_is_refused_and_stays_as_it_is(tmp_path):
    (tmp_path / "office").mkdir()
    database = sqlite3.connect(tmp_path / "office" / "memory.sqlite3")
    database.execute("CREATE TABLE theirs (x)")
    database.close()
    with pytest.raises(StoreError, match="another program's database"):
        KeyframeStore(tmp_path, "office")
    assert [path.name for path in (tmp_path / "office").glob("*damaged*")] == []


@pytest.mark.parametrize("part", ["head", "body", "jpeg"])
def test_a_damaged_row_is_skipped_counted_and_named(store, part):
    filled(store).close()
    database = sqlite3.connect(at_file(store))
    data = bytearray(database.execute(f"SELECT {part} FROM keyframes WHERE id=2").fetchone()[0])
    data[len(data) // 2] ^= 1
    database.execute(f"UPDATE keyframes SET {part}=? WHERE id=2", (bytes(data),))
    database.commit()
    database.close()
    again = reopened(store)
    assert stamps(again) == [1, 3]
    assert stamps(again) == [1, 3]
    assert again.damaged == [2]
    assert len(again.notices) == 1
    assert "keyframe 2 of" in again.notices[0]
    again.close()


def test_keyframes_that_are_unpacked_ahead_come_in_order_without_the_damaged_ones(store):
    filled(store, 2 * AHEAD + 3)
    store._database.execute(f"UPDATE keyframes SET body = x'00' WHERE id IN (1, {AHEAD}, {2 * AHEAD + 3})")
    expected = [number for number in range(2, 2 * AHEAD + 3) if number != AHEAD]
    assert stamps(store) == expected
    assert [number for number, _ in store] == expected
    assert store.damaged == [1, AHEAD, 2 * AHEAD + 3]
    for number, keyframe in store:  # a reader that stops early leaves nothing behind
        assert np.array_equal(keyframe.codes, seeded_keyframe(number).codes)
        break
    assert stamps(store) == expected


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"no database" * 1000,
        lambda data: data[:100] + bytes(len(data) - 100),
        lambda data: data[: 4096 + 50],
    ],
)
def test_a_damaged_file_is_moved_aside_with_a_message_and_never_deleted(store, damage):
    filled(store).close()
    damaged = damage(at_file(store).read_bytes())
    at_file(store).write_bytes(damaged)
    again = reopened(store)
    aside = list(store.folder.glob("memory.sqlite3.damaged-*"))
    assert [path.read_bytes() for path in aside] == [damaged]
    assert aside[0].name in again.notices[0]
    assert stamps(filled(again)) == [1, 2, 3]
    again.close()


def test_a_damaged_basis_makes_a_damaged_file(store):
    filled(store).close()
    database = sqlite3.connect(at_file(store))
    database.execute("UPDATE basis SET directions = substr(directions, 1, 20)")
    database.commit()
    database.close()
    again = reopened(store)
    assert "its basis cannot be read" in again.notices[0]
    assert (again.kind, again.ids()) == (None, [])
    assert len(list(store.folder.glob("memory.sqlite3.damaged-*"))) == 1
    assert stamps(filled(again)) == [1, 2, 3]
    again.close()


def test_a_full_disk_stops_writing_and_not_reading(store):
    filled(store)
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count={pages}")  # what SQLite then says is what it says of a full disk
    with pytest.raises(StoreWriteError, match=r"nothing can be written .*full.*make room"):
        store.add(dataclasses.replace(seeded_keyframe(4), jpeg=bytes(100_000)), KIND, DIRECTIONS)
    assert stamps(store) == [1, 2, 3]
    assert np.array_equal(store.directions, DIRECTIONS)
    store._database.execute("PRAGMA max_page_count=1000000")
    store.add(seeded_keyframe(5), KIND)
    assert stamps(store) == [1, 2, 3, 5]


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be written .*for the memory; name another"):
        KeyframeStore(tmp_path / "file", "office")


def test_a_folder_of_a_user_who_is_not_there_is_refused_in_a_sentence():
    with pytest.raises(StoreError, match=r"~no_such_user_here.* cannot be written .*for the memory; name another"):
        KeyframeStore(Path("~no_such_user_here/memory"), "office")


def test_a_second_process_on_a_store_is_told_who_has_it(store):
    code = (
        "import sys; from pathlib import Path\n"
        "from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore\n"
        "KeyframeStore(Path(sys.argv[1]), 'office')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(store.folder.parent)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"is in use by process {os.getpid()} on " in done.stderr
    reopened(store).close()  # and once it is closed, it is free


def test_a_store_that_a_full_disk_refused_is_free_once_there_is_room(tmp_path, monkeypatch):
    def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(store_lock.os, "pwrite", no_room)
        with pytest.raises(StoreError, match="No space left on device"):
            KeyframeStore(tmp_path, "office")
    KeyframeStore(tmp_path, "office").close()  # in this process, which held the lock


def test_poses_change_alone_and_all_or_none(store):
    filled(store)
    store.set_poses([(1, 7, pose_at(5)), (3, 8, pose_at(6))])
    keyframes = dict(store)
    assert [keyframes[number].pose.position[0] for number in (1, 2, 3)] == [5, 0, 6]
    assert np.array_equal(keyframes[3].codes, seeded_keyframe(3).codes)
    with pytest.raises(AttributeError):
        store.set_poses([(1, 7, pose_at(9)), (2, 7, None)])
    assert dict(store)[1].pose.position[0] == 5


def test_removed_data_is_in_no_file_any_more(store):
    secret = b"a secret of 28 bytes to find"
    store.add(dataclasses.replace(seeded_keyframe(1), jpeg=secret * 500), KIND, DIRECTIONS)
    filled(store)
    assert any(secret in path.read_bytes() for path in store.folder.iterdir())
    size = store.bytes_on_disk()
    store.change([(2, seeded_keyframe(8))], [1, 3])
    assert not any(secret in path.read_bytes() for path in store.folder.iterdir())
    assert stamps(store) == [8, 3]
    assert store.bytes_on_disk() < size - 10_000
    assert store.add(seeded_keyframe(9), KIND) == 5  # no id is used twice


def test_a_kind_is_what_it_was_whatever_its_strings_hold(store):
    kind = FeatureKind("1e5", "007", 8, "")
    store.add(seeded_keyframe(1), kind, DIRECTIONS)
    again = reopened(store)
    assert again.kind == kind
    again.close()
