# SPDX-License-Identifier: Apache-2.0
"""The demo as a person runs it, short: one room, one object, five processes over real topics."""

import subprocess
import sys

import pytest

from benchmarks.nav.sim_world import SimulationError, check_drawing
from talk2dino_ros.viz.pictures import read_picture

pytest.importorskip("rclpy", reason="rclpy is not installed: the demo's processes cannot run")

try:
    check_drawing()
except SimulationError as missing:
    pytest.skip(str(missing), allow_module_level=True)


@pytest.mark.slow
def test_the_robot_finds_the_cup_and_stops_in_front_of_it(tmp_path):
    command = [sys.executable, "-m", "benchmarks.nav", "--words", "coffee cup", "--output", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    row = next(line for line in result.stdout.splitlines() if line.startswith("| 1 "))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["1", "coffee cup", "REACHED"]
    assert cells[-1] == "yes"
    assert float(cells[5].removesuffix(" m")) <= 0.5
    assert (tmp_path / "table.md").read_text() in result.stdout
    for name in ("plan.png", "views.png"):
        assert read_picture(tmp_path / name).std() > 10


def test_a_word_that_is_on_no_board_is_refused():
    command = [sys.executable, "-m", "benchmarks.nav", "--words", "unicorn"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 2
    assert "coffee cup" in result.stderr


def test_a_node_that_ends_is_named(tmp_path):
    command = [sys.executable, "-m", "benchmarks.nav", "--model", "tiny", "--output", str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 1
    assert "the segmenter ended with exit code 1" in result.stderr
    assert not (tmp_path / "out").exists()
