# SPDX-License-Identifier: Apache-2.0
"""What docs/architecture.md says that can be held against the tree."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT, TABLE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("\n## The parts\n")
ROW = re.compile(r"^\| \*\*(.+?)\*\* \| (.+) \| `(.+?)` \|$", re.MULTILINE)
FOLDERS = ("talk2dino_ros", "talk2dino_msgs", "test", "tools", "docs", "config", "launch", "benchmarks")
PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[^`\s]+)`")


def test_every_path_that_is_named_exists():
    named = PATH.findall(TEXT + TABLE)
    assert len(named) > 50
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_row_of_the_table_names_a_path():
    rows = [line for line in TABLE.splitlines() if line.startswith("| **")]
    assert [row for row in rows if not (ROW.match(row) and PATH.search(row))] == []


def test_the_text_and_the_table_name_the_same_parts():
    parts = {name.lower() for name, _what, _path in ROW.findall(TABLE)}
    named = {name.lower() for name in re.findall(r"\*\*(.+?)\*\*", TEXT)}
    assert (named - parts, parts - named) == (set(), set())


@pytest.mark.parametrize(
    ("looked_for", "file"),
    [
        ("encoding", "talk2dino_ros/ros/conversions/encodings.py"),
        ("threshold", "talk2dino_ros/engine/inference/decision/__init__.py"),
        ("model's networks", "talk2dino_ros/engine/models/registry.py"),
        ("goal's pose", "talk2dino_ros/goal/stand_off.py"),
    ],
)
def test_a_newcomers_word_leads_to_the_file(looked_for, file):
    found = [path for _part, what, path in ROW.findall(TABLE) if looked_for in what]
    assert found == [file]
