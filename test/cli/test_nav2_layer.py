# SPDX-License-Identifier: Apache-2.0
"""The files for Nav2 name what is there: topics, labels, times that go together."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from talk2dino_ros.cli.main import main
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
VOCABULARIES = sorted(path.stem.removeprefix("vocabulary_") for path in CONFIG.glob("vocabulary_*.yaml"))
# What kiwicampus/semantic_segmentation_layer declares (rolling, a70cf6e): anything else has no effect there.
LAYER = {"plugin", "enabled", "combination_method", "use_approximate_time_sync", "observation_sources", "camera"}
OF_A_SOURCE = {
    "segmentation_topic", "confidence_topic", "labels_topic", "pointcloud_topic", "max_obstacle_distance",
    "min_obstacle_distance", "tile_map_decay_time", "visualize_tile_map", "use_cost_selection", "class_types",
}  # fmt: skip
OF_A_TYPE = {"classes", "base_cost", "max_cost", "mark_confidence", "samples_to_max_cost", "dominant_priority"}


def costmap_of(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)["local_costmap"]["local_costmap"]["ros__parameters"]


def source_of(text: str) -> dict[str, Any]:
    return costmap_of(text)["semantic_layer"]["camera"]


def classes_of(text: str) -> dict[str, list[str]]:
    source = source_of(text)
    return {name: source[name]["classes"] for name in source["class_types"]}


@pytest.fixture(params=VOCABULARIES)
def vocabulary(request) -> str:
    return request.param


@pytest.fixture
def shipped(vocabulary) -> str:
    return (CONFIG / f"nav2_layer_{vocabulary}.yaml").read_text()


@pytest.fixture
def layer(capsys):
    """Return a function that runs `talk2dino nav2-layer` and returns what it prints."""

    def run(*arguments: str, code: int = 0) -> str:
        assert main(["nav2-layer", *arguments]) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    return run


def test_a_shipped_file_is_what_the_command_prints(layer, vocabulary, shipped):
    assert layer(str(CONFIG / f"vocabulary_{vocabulary}.yaml")) == shipped


def test_the_layer_has_only_parameters_that_it_declares(shipped):
    costmap, source = costmap_of(shipped), source_of(shipped)
    assert set(costmap["semantic_layer"]) == LAYER
    assert set(source) == OF_A_SOURCE | set(source["class_types"])
    assert "semantic_layer" in costmap["plugins"]


def test_a_class_type_is_complete_and_its_costs_are_costs(shipped):
    source = source_of(shipped)
    for class_type in (source[name] for name in source["class_types"]):
        assert set(class_type) == OF_A_TYPE
        assert 0 <= class_type["base_cost"] <= class_type["max_cost"] <= 254
        assert 0 <= class_type["mark_confidence"] < 255  # the mean has to be above it


def test_every_name_of_label_info_has_exactly_one_type_and_no_other_has(vocabulary, shipped):
    (section,) = yaml.safe_load((CONFIG / f"vocabulary_{vocabulary}.yaml").read_text()).values()
    parameters = section["ros__parameters"]
    names = [text.partition(":")[0] for text in parameters["vocabulary"] if not text.startswith(("!", "?"))]
    background = parameters.get("background_class")
    listed = [name for names_of_a_type in classes_of(shipped).values() for name in names_of_a_type]
    assert sorted(listed) == sorted([*names, *([background] if background else [])])


def test_people_animals_and_vehicles_get_a_keep_away_cost(shipped):
    kept = set(classes_of(shipped)["keep_away"])
    assert "person" in kept
    for names in classes_of(shipped).values():
        assert {"pet", "animal", "forklift", "robot", "car", "truck", "stairs"} & set(names) <= kept


def test_the_id_quarantine_is_longer_than_the_layers_decay_time(shipped):
    assert Parameters().id_quarantine_s > source_of(shipped)["tile_map_decay_time"]


def test_classes_are_sorted_by_name_without_distractors(layer):
    classes = classes_of(layer("person: man, woman; cup; door; !wall"))
    assert classes == {"keep_away": ["person"], "avoid": ["cup"], "free": ["door"]}


def test_a_vocabulary_file_gives_its_labels(layer, tmp_path):
    entries = parse_classes(["tea cup: cup", "!wall", "person"])
    Vocabulary(entries, np.eye(3, 8)).save(tmp_path / "words.safetensors")
    assert classes_of(layer(str(tmp_path / "words.safetensors"))) == {"keep_away": ["person"], "free": ["tea cup"]}


def test_the_background_costs_nothing_and_is_listed_once(layer, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("robot: {talk2dino: {ros__parameters: {background_class: nothing, vocabulary: [person]}}}")
    assert classes_of(layer(str(path)))["free"] == ["nothing"]
    assert classes_of(layer(str(path), "--background", "background"))["free"] == ["background"]
    assert "free" not in classes_of(layer(str(path), "--background", ""))
    assert classes_of(layer("person; floor", "--background", "floor"))["free"] == ["floor"]


def test_labels_can_be_of_other_types_than_by_default(layer):
    classes = classes_of(layer("person; Tea Cup; door", "--keep-away", "tea cup", "--avoid", "person;door"))
    assert classes == {"keep_away": ["Tea Cup"], "avoid": ["person", "door"]}


def test_unusual_class_names_are_quoted_unchanged(layer):
    names = ["no", "1e3", 'a "word"', "消火器", "back\\slash", "#5", "x" * 100, *(f"name {n}" for n in range(40))]
    assert classes_of(layer("; ".join(names)))["free"] == names


def test_topics_have_the_nodes_namespace(layer):
    source = source_of(layer("cup", "--namespace", "/robot1/", "--node", "talk2dino/front"))
    topics = {key: source[key] for key in source if key.endswith("_topic")}
    assert topics == {
        "segmentation_topic": "/robot1/talk2dino/front/mask",
        "confidence_topic": "/robot1/talk2dino/front/confidence",
        "labels_topic": "/robot1/talk2dino/front/label_info",
        "pointcloud_topic": "/robot1/talk2dino/front/cloud",
    }


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (None, ["{}/own.yaml"], ["cannot be read as a parameter file"]),
        ("a: [", ["{}/own.yaml"], ["cannot be read as a parameter file"]),
        ("a: 1", ["{}/own.yaml"], ["no list of texts `vocabulary`"]),
        ("n: {ros__parameters: {vocabulary: [{a: b}]}}", ["{}/own.yaml"], ["no list of texts", "quotes"]),
        ("n: {ros__parameters: {vocabulary: ['!a']}}", ["{}/own.yaml"], ["distractors"]),
        ("x", ["{}/own.safetensors"], ["cannot be read as a vocabulary"]),
        (None, ["cup", "--avoid", "cat"], ["'cat' is not a label", "expected one of cup"]),
        (None, ["cup", "--avoid", "cup", "--free", "cup"], ["'cup' is in two class types"]),
    ],
)
def test_an_unusable_argument_ends_with_one_sentence(layer, tmp_path, content, arguments, words):
    arguments = [argument.format(tmp_path) for argument in arguments]
    if content is not None:
        Path(arguments[0]).write_text(content)
    said = layer(*arguments, code=1)
    assert len(said.splitlines()) == 1
    assert all(word in said for word in words), said


def test_the_command_needs_neither_torch_nor_ros():
    code = (
        "import sys; from talk2dino_ros.cli.main import main; main(['nav2-layer', 'cup']); "
        "sys.exit(bool({'torch', 'rclpy'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode == 0
    )


def test_the_manager_waits_for_no_bond():
    manager_file = yaml.safe_load((CONFIG / "nav2_manager.yaml").read_text())
    manager = manager_file["/**/lifecycle_manager_talk2dino"]["ros__parameters"]
    assert manager["bond_timeout"] == 0.0
    assert manager["node_names"] == ["talk2dino", "goal"]


def test_the_page_names_tests_that_are_there():
    page = (ROOT / "docs" / "nav2.md").read_text()
    names = {word.strip("`,:;") for word in page.split() if word.strip("`,:;").startswith("test_")}
    there = {path.name for path in (ROOT / "test").rglob("test_*.py")}
    assert names
    assert names <= there
