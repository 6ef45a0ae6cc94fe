# SPDX-License-Identifier: Apache-2.0
"""What the launch arguments mean; the launch file itself is tested in test_launch.py."""

from pathlib import Path

import pytest

from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.text.class_syntax import split_classes
from talk2dino_ros.ros.parameters.launch_arguments import (
    LaunchArgumentError,
    cyclone_variable,
    enclave_arguments,
    existing_file,
    overrides,
    profile_variable,
    switch,
    tf_remappings,
    vocabulary_parameters,
)
from talk2dino_ros.ros.parameters.ros_values import kind_of

CONFIG = Path(__file__).parents[3] / "config"


@pytest.mark.parametrize(
    "text",
    [
        "door",
        "door, chair,, sofa",
        "door; fire extinguisher: extinguisher, red fire extinguisher;",
        'no; 1; "quoted"; back\\slash; !wall; éclair; 消火器; # hash; y; 1e3; 08; nan',
    ],
)
def test_words_reach_the_node_as_the_engine_splits_them(text):
    """And in place of a file of vectors that the parameter file may name."""
    (parameters,) = vocabulary_parameters(text, CONFIG)
    assert parameters["vocabulary_file"] == ""
    assert parse_classes(parameters["vocabulary"]) == parse_classes(split_classes(text))
    assert {kind_of(word) for word in parameters["vocabulary"]} == {"a text"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("y, n", ["y: y", "n: n"]),
        ("1e3; 0x10; 08", ["1e3: 1e3", "0x10: 0x10", "08: 08"]),
        ("!y, yes: aye, cup", ["!y", "yes: aye", "cup"]),
    ],
)
def test_words_that_ros_takes_for_other_values_are_spelled_so_that_it_does_not(text, words):
    (parameters,) = vocabulary_parameters(text, CONFIG)
    assert parameters["vocabulary"] == words


@pytest.mark.parametrize("text", ["true", "True", "YES", "on", "1", " yes "])
def test_every_spelling_of_on_is_accepted(text):
    assert switch("rviz", text) is True


@pytest.mark.parametrize("text", ["false", "False", "no", "OFF", "0"])
def test_every_spelling_of_off_is_accepted(text):
    assert switch("rviz", text) is False


@pytest.mark.parametrize("text", ["", "maybe", "2", "y"])
def test_other_spellings_are_refused(text):
    with pytest.raises(LaunchArgumentError, match=f"rviz is '{text}', expected one of true, yes, .*; correct it"):
        switch("rviz", text)


def test_arguments_left_empty_or_not_given_are_no_overrides():
    kinds = {"model": str, "autostart": bool, "goal_frame": str, "use_sim_time": bool}
    given = {"model": "mini", "autostart": "no", "goal_frame": "", "other": "x"}
    assert overrides(given, kinds) == {"model": "mini", "autostart": False}


@pytest.mark.parametrize("text", ["y", "08", "nan", "on"])
def test_a_text_that_launch_would_turn_into_another_value_is_refused(text):
    with pytest.raises(LaunchArgumentError, match=f"goal_frame is '{text}', which ROS would read as a .*; write it in"):
        overrides({"goal_frame": text}, {"goal_frame": str})


def test_a_wrong_switch_among_the_overrides_is_refused():
    with pytest.raises(LaunchArgumentError, match="autostart is 'maybe'"):
        overrides({"autostart": "maybe"}, {"autostart": bool})


def test_an_argument_left_empty_leaves_the_vocabulary_alone():
    assert vocabulary_parameters("", CONFIG) == []


@pytest.mark.parametrize("text", [" ", ",", "; ;", "\uff1b"])
def test_separators_without_a_word_do_not_select_the_default_words(text):
    with pytest.raises(LaunchArgumentError, match=r"vocabulary is .* no word, expected .*; name the classes, or leave"):
        vocabulary_parameters(text, CONFIG)


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


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(LaunchArgumentError, match="no file"):
        existing_file(str(tmp_path))


@pytest.mark.parametrize("distribution", ["humble", "iron", "jazzy"])
def test_older_distributions_read_the_profile_by_its_old_name(distribution):
    environment = {"ROS_DISTRO": distribution, "FASTDDS_DEFAULT_PROFILES_FILE": "/not/read.xml"}
    assert profile_variable(environment) == "FASTRTPS_DEFAULT_PROFILES_FILE"
    assert profile_variable(environment | {"FASTRTPS_DEFAULT_PROFILES_FILE": "/chosen.xml"}) is None


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


def test_cyclones_profile_is_for_cyclone_where_the_user_chose_none():
    cyclone = {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}
    assert cyclone_variable(cyclone) == "CYCLONEDDS_URI"
    assert cyclone_variable(cyclone | {"CYCLONEDDS_URI": "<own/>"}) is None
    assert cyclone_variable({}) is cyclone_variable({"RMW_IMPLEMENTATION": "rmw_zenoh_cpp"}) is None


def test_transforms_are_of_the_namespace_where_asked_to():
    assert tf_remappings("Yes") == [("/tf", "tf"), ("/tf_static", "tf_static")]
    assert tf_remappings("false") == []
    with pytest.raises(LaunchArgumentError, match="use_namespaced_tf is 'maybe', expected one of true"):
        tf_remappings("maybe")


def test_a_node_goes_into_its_enclave_of_the_folder():
    assert enclave_arguments("", "goal") == []
    assert enclave_arguments("/talk2dino", "goal") == ["--enclave", "/talk2dino/goal"]
    assert enclave_arguments("/robots/seven/", "memory") == ["--enclave", "/robots/seven/memory"]
    with pytest.raises(
        LaunchArgumentError, match=r"enclaves is 'talk2dino', expected a path such as /talk2dino, .*; begin it"
    ):
        enclave_arguments("talk2dino", "goal")


@pytest.mark.parametrize(("digits", "kind"), [(19, "an int"), (20, "a float"), (5000, "a text")])
def test_a_number_of_any_length_has_a_kind(digits, kind):
    """Found by `python -m benchmarks.fuzz`: Python reads no integer of more than 4300 digits."""
    assert kind_of("1" * digits) == kind


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + ".yaml", "nul\0.yaml"])
def test_a_name_that_no_file_can_have_names_none(name):
    if name.endswith(".yaml"):
        with pytest.raises(LaunchArgumentError, match="no file"):
            vocabulary_parameters(name, CONFIG)
    else:
        assert vocabulary_parameters(name, CONFIG) == [{"vocabulary": [name], "vocabulary_file": ""}]
