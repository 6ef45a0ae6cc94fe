# SPDX-License-Identifier: Apache-2.0
"""The folder of problems never grows without end, never fills the disk, and what is not ours stays."""

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from talk2dino_ros.segmenter.problem.problem_folder import (
    DESCRIPTION,
    MOST_KEPT,
    SPARED_BYTES,
    ProblemError,
    new_problem,
)


def write(folder, size=10):
    with new_problem(folder, size) as (part, path):
        part.mkdir()
        (part / DESCRIPTION).write_text("{}")
    return path


def test_the_oldest_of_ours_go_and_everything_else_stays(tmp_path, monkeypatch):
    theirs = [tmp_path / "problem_of_mine", tmp_path / "drive"]
    for path in theirs:
        path.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / DESCRIPTION).touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "problem_link").symlink_to(elsewhere)
    paths = []
    for number in range(MOST_KEPT + 2):
        monkeypatch.setattr(time, "strftime", lambda _, number=number: f"problem_{number // 2}")  # two in a second
        paths.append(write(tmp_path / "folder"))
        os.utime(paths[-1], (number, number))
    assert [path for path in paths if path.exists()] == paths[2:]
    assert all(path.exists() for path in (*theirs, elsewhere / DESCRIPTION))
    assert len(set(paths)) == len(paths)  # also those of one second


def test_a_problem_that_fails_on_the_way_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(ProblemError, match=r"cannot be written to .*No space left"):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_disk_is_never_filled(tmp_path, monkeypatch):
    free = SPARED_BYTES + 9_000_000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    write(tmp_path, 9_000_000)
    with pytest.raises(ProblemError, match=r"has 509 MB left, expected 510 MB, of which 500 MB are spared"):
        write(tmp_path, 10_000_000)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ProblemError, match=r"Not a directory\), expected a folder with room .* set problem_folder"):
        write(tmp_path / "file" / "problems")
