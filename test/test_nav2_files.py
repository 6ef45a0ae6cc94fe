# SPDX-License-Identifier: Apache-2.0
"""The files for Nav2 name what is there: topics, labels, times that go together."""

from pathlib import Path

import pytest
import yaml

from talk2dino_ros.engine.vocabulary import parse_classes
from talk2dino_ros.parameters import Parameters

ROOT = Path(__file__).parent.parent
NAV2 = yaml.safe_load((ROOT / "config" / "nav2_semantic_layer.yaml").read_text())
COSTMAP = NAV2["local_costmap"]["local_costmap"]["ros__parameters"]
SOURCE = COSTMAP["semantic_layer"]["camera"]
# What kiwicampus/semantic_segmentation_layer declares (rolling, a70cf6e): anything else has no effect there.
LAYER = {"plugin", "enabled", "combination_method", "use_approximate_time_sync", "observation_sources", "camera"}
OF_A_SOURCE = {
    "segmentation_topic", "confidence_topic", "labels_topic", "pointcloud_topic", "max_obstacle_distance",
    "min_obstacle_distance", "tile_map_decay_time", "visualize_tile_map", "use_cost_selection", "class_types",
}  # fmt: skip
OF_A_TYPE = {"classes", "base_cost", "max_cost", "mark_confidence", "samples_to_max_cost", "dominant_priority"}


def test_the_layer_has_only_parameters_that_it_declares():
    assert set(COSTMAP["semantic_layer"]) == LAYER
    assert set(SOURCE) == OF_A_SOURCE | set(SOURCE["class_types"])
    assert "semantic_layer" in COSTMAP["plugins"]


@pytest.mark.parametrize("name", SOURCE["class_types"])
def test_a_class_type_is_complete_and_its_costs_are_costs(name):
    class_type = SOURCE[name]
    assert set(class_type) == OF_A_TYPE
    assert 0 <= class_type["base_cost"] <= class_type["max_cost"] <= 254
    assert 0 <= class_type["mark_confidence"] < 255  # the mean has to be above it


def test_every_label_of_the_indoor_vocabulary_has_exactly_one_type_and_no_other_has():
    (section,) = yaml.safe_load((ROOT / "config" / "vocabulary_indoor.yaml").read_text()).values()
    classes = parse_classes(section["ros__parameters"]["vocabulary"])
    labels = [entry.name for entry in classes if not entry.distractor]
    listed = [label for name in SOURCE["class_types"] for label in SOURCE[name]["classes"]]
    assert sorted(listed) == sorted(labels)


def test_an_id_rests_longer_than_the_layer_remembers_it():
    assert Parameters().id_quarantine_s > SOURCE["tile_map_decay_time"]


def test_the_manager_waits_for_no_bond():
    manager = NAV2["/**/lifecycle_manager_talk2dino"]["ros__parameters"]
    assert manager["bond_timeout"] == 0.0
    assert manager["node_names"] == ["talk2dino", "goal"]


def test_the_page_names_tests_that_are_there():
    page = (ROOT / "docs" / "nav2.md").read_text()
    names = {word.strip("`,:;") for word in page.split() if word.strip("`,:;").startswith("test_")}
    there = {path.name for path in (ROOT / "test").rglob("test_*.py")}
    assert names
    assert names <= there
