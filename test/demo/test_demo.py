# SPDX-License-Identifier: Apache-2.0
"""The demo as a person runs it: three processes over real topics."""

import shutil
import subprocess
import sys

import pytest

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.viz.pictures import read_picture

pytest.importorskip("rclpy", reason="rclpy is not installed: the demo's processes cannot run")


def run_demo(*arguments, timeout=300):
    command = [sys.executable, "-m", "talk2dino_ros.demo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def test_the_demo_shows_a_table_and_writes_the_overlays(tmp_path):
    for name in ("coffee.jpg", "chelsea.jpg"):
        (tmp_path / "in").mkdir(exist_ok=True)
        shutil.copy(PHOTOS / name, tmp_path / "in")
    result = run_demo("--images", tmp_path / "in", "--classes", "cat, spoon", "--output", tmp_path / "out")
    assert result.returncode == 0, result.stdout + result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    assert any(line[:2] == ["chelsea", "cat"] for line in lines)
    assert any(line[:2] == ["coffee", "cup"] for line in lines)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["all.png", "chelsea_1.png", "chelsea_2.png", "coffee_1.png", "coffee_2.png"]
    assert read_picture(tmp_path / "out" / "coffee_1.png").shape == read_picture(PHOTOS / "coffee.jpg").shape


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--images", "nowhere"], "nowhere is no folder"),
        (["--model", "tiny"], "the segmenter ended with exit code 1"),
        (["--classes", "cat, cat"], "set_vocabulary was refused: the class name 'cat' occurs twice"),
    ],
)
def test_a_failing_demo_says_why_and_exits_with_1(arguments, sentence, tmp_path):
    result = run_demo(*arguments, "--output", tmp_path / "out")
    assert result.returncode == 1
    assert sentence in result.stderr
    assert not (tmp_path / "out").exists()
