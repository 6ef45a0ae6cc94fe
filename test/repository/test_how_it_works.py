# SPDX-License-Identifier: Apache-2.0
"""What docs/how_it_works.md says that can be held against the code."""

import re
from pathlib import Path

import pytest

from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "how_it_works.md").read_text(encoding="utf-8")
PICTURES = re.findall(r"!\[[^]]+\]\(([^)]+)\)", PAGE)


def test_every_file_that_the_page_names_is_there():
    named = re.findall(r"`([a-z_/]+(?:\.py|\.yaml|/))`", PAGE)
    assert len(named) > 20
    places = (ROOT, ROOT / "talk2dino_ros" / "engine")
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_every_option_of_an_images_way_is_a_parameter_of_the_node():
    table = PAGE[PAGE.index("| step |") :].split("\n\n")[0]
    cells = [row.split("|")[-2] for row in table.splitlines()[2:]]
    names = [name for cell in cells for name in re.findall(r"`([a-z_]+)`", re.sub(r"\([^)]*\)", "", cell))]
    assert len(names) > 10
    assert [name for name in names if name not in FIELDS] == []


@pytest.mark.parametrize("name", PICTURES)
def test_its_pictures_are_there_and_light(name):
    assert (DOCS / name).stat().st_size < 400_000
