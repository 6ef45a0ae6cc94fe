# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory build` with the real model `mini`, as a process that is killed twice."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from held_program import HELD_PROGRAM

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
from room_bag import write_bag

TABLES = ("keyframes", "basis", "meta")
KEYFRAMES = 12  # one for each image: the camera moves 0.1 m between two


def rows(folder: Path) -> dict[str, list]:
    """All that the file holds, byte for byte."""
    database = sqlite3.connect(folder / "memory.sqlite3")
    try:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}
    finally:
        database.close()


def started(bag: Path, folder: Path, before: tuple = ("-m",)) -> subprocess.Popen:
    command = (sys.executable, *before, "talk2dino_ros.cli.main", "memory", "build", bag, "-o", folder)
    options = ("--model", "mini", "--device", "cpu", "--keyframe-distance-m", "0.05")
    return subprocess.Popen([*map(str, command), *options], stderr=subprocess.PIPE, text=True)


def killed_at(bag: Path, folder: Path, count: int, marker: Path) -> int:
    """Build until there are so many more keyframes, kill the process; return how many there are then."""
    store = "talk2dino_ros.perception.memory.disk.keyframe_store"
    with started(bag, folder, (HELD_PROGRAM, store, "KeyframeStore", "add", count, marker)) as process:
        try:
            while not marker.exists():
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.002)
        finally:
            process.kill()
    return len(rows(folder)["keyframes"])


@pytest.mark.slow
def test_a_build_by_mini_that_is_killed_twice_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))
    bag = write_bag(tmp_path / "bag")
    for folder in (tmp_path / "whole" / "map", tmp_path / "killed" / "map"):
        if "killed" in folder.parts:
            assert killed_at(bag, folder, 2, tmp_path / "first") == 2
            assert killed_at(bag, folder, 3, tmp_path / "second") == 5
        with started(bag, folder) as process:
            assert process.wait(300) == 0, process.stderr.read()
    whole, killed = rows(tmp_path / "whole" / "map"), rows(tmp_path / "killed" / "map")
    assert len(whole["keyframes"]) == KEYFRAMES
    assert killed == whole
