# SPDX-License-Identifier: Apache-2.0
"""What the costmap's parameters mark in a simulated room, with the shipped vocabulary and `mini`."""

from pathlib import Path

import pytest
import yaml

from benchmarks import costmap_confidence
from benchmarks.nav.sim_world import SimulationError, check_drawing

ROOT = Path(__file__).parents[2]

try:
    check_drawing()
except SimulationError as missing:
    pytest.skip(str(missing), allow_module_level=True)


def test_person_pet_and_cup_are_marked_and_nothing_else_is_taken_for_them(tmp_path):
    views = costmap_confidence.views_of(tmp_path / "looks.npz", rooms=1, distances=[2.0])
    found = costmap_confidence.confidences(views, "indoor", "mini", "none")
    marks = mark_confidences()
    for label, photographs in (("person", 2), ("pet", 1), ("cup", 1)):
        assert len(found[label]["right"]) >= photographs
        assert min(found[label]["right"]) > marks[label]
        assert found[label]["wrong"] == []


def mark_confidences() -> dict[str, int]:
    """The value above which the mean confidence has to be, by label."""
    file = yaml.safe_load((ROOT / "config" / "nav2_layer_indoor.yaml").read_text())
    source = file["local_costmap"]["local_costmap"]["ros__parameters"]["semantic_layer"]["camera"]
    types = [source[name] for name in source["class_types"]]
    return {label: each["mark_confidence"] for each in types for label in each["classes"]}
