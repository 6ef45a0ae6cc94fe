# SPDX-License-Identifier: Apache-2.0
"""Findings as a terminal and JSON show them."""

from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level, Section, sections_to_json, sections_to_text

SECTIONS = [
    Section(
        "Software", (HealthFinding("Python", "3.12"), HealthFinding("compiler", "none", Level.NOTE, "install one"))
    ),
    Section("Graph", (HealthFinding("/image", "silent", Level.WRONG, "look at it"),)),
]


def test_lines_are_aligned_and_the_remedy_stands_below():
    assert sections_to_text(SECTIONS) == (
        "Software\n"
        "  ok     Python    3.12\n"
        "  note   compiler  none\n"
        "                   -> install one\n"
        "\n"
        "Graph\n"
        "  wrong  /image    silent\n"
        "                   -> look at it"
    )


def test_json_has_the_level_by_its_name():
    assert sections_to_json(SECTIONS)[1] == {
        "title": "Graph",
        "findings": [{"what": "/image", "said": "silent", "level": "wrong", "remedy": "look at it"}],
    }
