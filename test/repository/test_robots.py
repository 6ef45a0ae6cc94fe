# SPDX-License-Identifier: Apache-2.0
"""What a driver publishes by docs/robots.md is taken by the nodes, and each section's command has all that it needs."""

import re
from pathlib import Path

import pytest

from talk2dino_ros.ros.conversions.depth_messages import DEPTH_TYPES
from talk2dino_ros.ros.conversions.encodings import LAYOUTS

PAGE = (Path(__file__).parents[2] / "docs" / "robots.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
HEAD, *ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|") and "---" not in line
]
DRIVERS = {re.search(r"\[(.+)\]", row[0])[1]: dict(zip(HEAD, row, strict=True)) for row in ROWS}


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_has_the_drivers_and_each_has_a_section():
    assert list(DRIVERS) == ["RealSense", "ZED", "OAK-D", "Gazebo", "Isaac Sim", "TurtleBot 4"]
    assert list(SECTIONS) == [*DRIVERS, "Several robots"]


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_nodes_take_what_the_driver_publishes(driver):
    colour, depth = DRIVERS[driver]["colour as"], DRIVERS[driver]["depth as"]
    assert quoted(colour)
    assert quoted(depth)
    assert [name for name in quoted(colour) if name not in LAYOUTS] == []
    assert [name for name in quoted(depth) if name not in DEPTH_TYPES] == []


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_section_has_a_command_with_image_camera_info_and_depth_of_one_driver(driver):
    commands = re.findall(r"ros2 launch talk2dino_ros (?:[^\n]*\\\n)*[^\n]*", SECTIONS[driver])
    given = [dict(re.findall(r"\b(image|camera_info|depth):=(\S+)", command)) for command in commands]
    assert {"image", "camera_info", "depth"} in [set(topics) for topics in given]
    for topics in given:  # all absolute, as the drivers' are not in our namespace
        assert all(re.fullmatch(r"(/[a-z_0-9]+)+", topic) for topic in topics.values())


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_section_says_where_it_was_read(driver):
    assert re.search(r"\bcommit [0-9a-f]{7}\b", SECTIONS[driver])
    assert "not tried on the hardware" in PAGE[: PAGE.index("## ")]
