# SPDX-License-Identifier: Apache-2.0
"""What the README says that can be held against the code."""

import re
from pathlib import Path

import pytest

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.viz.pictures import read_picture

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODELS)
def test_every_model_stands_in_the_table_of_models(name):
    assert f"| `{name}`" in README


def test_the_python_example_runs_and_leaves_unlabeled_what_it_says():
    block = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "load_segmenter" in block)
    block = block.replace('"talk2dino_vitb", device="cuda"', '"mini", device="cpu"')
    names = {"rgb": read_picture(PHOTOS / "chelsea.jpg")}  # a cat, which is neither a door nor an extinguisher
    exec(block, names)
    assert (names["result"].class_ids != 255).all()
    assert (names["careful"].segment(names["rgb"], names["vocabulary"]).class_ids == 255).mean() > 0.2
    assert "`background` is None" in README
