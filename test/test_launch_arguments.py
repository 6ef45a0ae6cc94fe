# SPDX-License-Identifier: Apache-2.0
"""What the launch arguments mean; the launch file itself is tested in test_launch.py."""

from pathlib import Path

import pytest

from talk2dino_ros.engine.class_text import split_classes
from talk2dino_ros.launch_arguments import (
    LaunchArgumentError,
    existing_file,
    profile_variable,
    vocabulary_parameters,
)

CONFIG = Path(__file__).parent.parent / "config"


@pytest.mark.parametrize(
    "text",
    [
        "door",
        "door, chair,, sofa",
        "door; fire extinguisher: extinguisher, red fire extinguisher;",
        'no; 1; "quoted"; back\\slash; !wall; éclair; 消火器; # hash',
    ],
)
def test_words_reach_the_node_as_the_engine_splits_them(text):
    """And in place of a file of vectors that the parameter file may name."""
    assert vocabulary_parameters(text, CONFIG) == [{"vocabulary": split_classes(text), "vocabulary_file": ""}]


@pytest.mark.parametrize("text", ["", " ", ",", "; ;"])
def test_no_words_leave_the_vocabulary_alone(text):
    assert vocabulary_parameters(text, CONFIG) == []


@pytest.mark.parametrize("name", ["indoor", "outdoor", "warehouse"])
def test_a_name_picks_a_shipped_vocabulary(name):
    assert vocabulary_parameters(name, CONFIG) == [str(CONFIG / f"vocabulary_{name}.yaml")]


def test_a_path_picks_a_parameter_file(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("")
    assert vocabulary_parameters(str(path), CONFIG) == [str(path)]


def test_a_file_of_vectors_reaches_the_node_by_its_whole_path(tmp_path, monkeypatch):
    (tmp_path / "my.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    assert vocabulary_parameters("my.safetensors", CONFIG) == [{"vocabulary_file": str(tmp_path / "my.safetensors")}]


@pytest.mark.parametrize("name", ["missing.yaml", "missing.yml", "missing.safetensors"])
def test_a_missing_vocabulary_file_is_an_error_and_no_class(name, tmp_path):
    path = str(tmp_path / name)
    with pytest.raises(LaunchArgumentError, match=f"no file '{path}'.*correct the path"):
        vocabulary_parameters(path, CONFIG)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(LaunchArgumentError, match="no file"):
        existing_file(str(tmp_path))


@pytest.mark.parametrize("distribution", ["humble", "iron", "jazzy"])
def test_older_distributions_read_the_profile_by_its_old_name(distribution):
    assert profile_variable({"ROS_DISTRO": distribution}) == "FASTRTPS_DEFAULT_PROFILES_FILE"


@pytest.mark.parametrize("environment", [{}, {"ROS_DISTRO": "kilted"}, {"ROS_DISTRO": "rolling"}])
def test_newer_distributions_and_none_read_it_by_its_new_name(environment):
    assert profile_variable(environment) == "FASTDDS_DEFAULT_PROFILES_FILE"


@pytest.mark.parametrize(
    "name",
    ["FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_BUILTIN_TRANSPORTS"],
)
def test_a_transport_that_the_user_chose_stays(name):
    assert profile_variable({name: "chosen"}) is None
    assert profile_variable({name: ""}) == "FASTDDS_DEFAULT_PROFILES_FILE"
