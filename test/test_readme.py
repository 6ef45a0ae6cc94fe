# SPDX-License-Identifier: Apache-2.0
"""What the README says that can be held against the code."""

import re
import runpy
from pathlib import Path

import pytest

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.checkpoints import MODELS
from talk2dino_ros.pictures import read_picture

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_parameters_is_the_declared_one():
    with_table = runpy.run_path(str(ROOT / "tools" / "parameter_table.py"))["with_table"]
    assert with_table(README) == README, "run python -m tools.parameter_table"


@pytest.mark.parametrize("name", ["segmenter.yaml", "goal.yaml"])
def test_a_parameter_file_is_the_declared_one(name):
    tool = runpy.run_path(str(ROOT / "tools" / "parameter_table.py"))
    text = (ROOT / "config" / name).read_text(encoding="utf-8")
    assert tool["with_rows"](text, tool["FILES"][name]) == text, "run python -m tools.parameter_table"


@pytest.mark.parametrize("name", MODELS)
def test_every_model_stands_in_the_table_of_models(name):
    assert f"| `{name}`" in README


def test_every_file_that_the_readme_links_to_is_there():
    links = re.findall(r"\]\((?!https?://)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_make_target_of_the_readme_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"^ +make ([a-z-]+)", README, re.MULTILINE))
    assert named == {"demo", "demo-nav", "test", "setup"}
    assert named <= targets


def test_the_python_example_runs_and_leaves_unlabeled_what_it_says():
    block = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "load_segmenter" in block)
    block = block.replace('"talk2dino_vitb", device="cuda"', '"mini", device="cpu"')
    names = {"rgb": read_picture(PHOTOS / "chelsea.jpg")}  # a cat, which is neither a door nor an extinguisher
    exec(block, names)
    assert (names["result"].class_ids != 255).all()
    assert (names["careful"].segment(names["rgb"], names["vocabulary"]).class_ids == 255).mean() > 0.2
    assert "`background` is None" in README
