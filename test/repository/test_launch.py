# SPDX-License-Identifier: Apache-2.0
"""The launch file, started as a user does: with a stand-in that notes how it was called, and with the real node."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fake_nodes import CONFIG, HERE, LAUNCH_FILE, NOTES_VARIABLE, has, launch, needs_launch, segmenter_notes

from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.ros.parameters.launch_arguments import CYCLONE_VARIABLE, PROFILE_VARIABLE, TRANSPORT_VARIABLES
from talk2dino_ros.ros.parameters.parameter_files import check_file
from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS

needs_launch_testing = pytest.mark.skipif(
    not (has("launch_ros") and has("launch_testing")), reason="launch_testing is not installed (PyPI's ROS 2 lacks it)"
)


def is_built() -> bool:
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    return any((Path(prefix) / "lib" / "talk2dino_ros" / "segmenter").is_file() for prefix in prefixes)


@needs_launch
def test_arguments_left_empty_leave_the_parameter_file_alone(environment):
    notes = segmenter_notes(environment)
    assert notes["files"][0] == str(CONFIG / "segmenter.yaml")
    assert notes["overrides"] == {}
    assert "__node:=talk2dino" in notes["arguments"]
    assert not [argument for argument in notes["arguments"] if "image:=" in argument]


@needs_launch
def test_arguments_override_parameters_with_the_right_types(environment):
    words = 'door; sofa: sofa, couch; no; 7; 消火器; say "hi"; !wall'
    notes = segmenter_notes(environment, "model:=mini", "device:=cuda:1", "autostart:=false", f"vocabulary:={words}")
    assert notes["overrides"] == {
        "model": "mini",
        "device": "cuda:1",
        "autostart": False,
        "vocabulary": ("door", "sofa: sofa, couch", "no: no", "7: 7", "消火器", 'say "hi"', "!wall"),
        "vocabulary_file": "",
    }


@needs_launch
def test_overrides_win_over_a_file_that_names_the_node(environment, tmp_path):
    """ROS takes the last matching section, and a section keeps the place where its name came first."""
    (tmp_path / "own.yaml").write_text("/**/talk2dino: {ros__parameters: {model: own}}")
    notes = segmenter_notes(environment, f"params_file:={tmp_path / 'own.yaml'}", "model:=mini", "namespace:=robot")
    assert list(yaml.safe_load(notes["texts"][-1])) == ["/robot/talk2dino"]


@needs_launch
def test_a_shipped_vocabulary_comes_after_the_parameter_file(environment):
    notes = segmenter_notes(environment, "vocabulary:=indoor")
    assert notes["files"] == [str(CONFIG / "segmenter.yaml"), str(CONFIG / "vocabulary_indoor.yaml")]


@needs_launch
def test_the_nodes_output_is_shown(environment):
    result = launch(environment)
    assert "what the node has to say" in result.stdout + result.stderr


@needs_launch
def test_the_image_topic_and_the_namespace_reach_the_node(environment):
    arguments = segmenter_notes(environment, "image:=/front/image_raw", "namespace:=robot")["arguments"]
    assert {"image:=/front/image_raw", "__ns:=/robot"} <= set(arguments)


@needs_launch
def test_the_transport_profile_is_on_by_default(environment):
    assert segmenter_notes(environment)["environment"][PROFILE_VARIABLE] == str(CONFIG / "fastdds.xml")


@needs_launch
def test_the_transport_profile_can_be_left_out(environment):
    assert PROFILE_VARIABLE not in segmenter_notes(environment, "fastdds_profile:=none")["environment"]


@needs_launch
def test_a_transport_profile_that_the_user_chose_stays(environment):
    own = environment | {PROFILE_VARIABLE: "/own.xml"}
    assert segmenter_notes(own)["environment"][PROFILE_VARIABLE] == "/own.xml"


@needs_launch
def test_cyclones_profile_is_on_where_that_middleware_is_chosen():
    """Without a launch, which would need that middleware itself."""
    file = runpy.run_path(str(LAUNCH_FILE))
    arguments = {name: value for name, value, _ in file["ARGUMENTS"]}

    def set_by(environment):
        settings = [
            action
            for action in file["nodes"](arguments, environment)
            if hasattr(action, "name") and hasattr(action, "value")
        ]
        return {action.name[0].text: action.value[0].text for action in settings}

    chosen = {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}
    assert Path(set_by(chosen)[CYCLONE_VARIABLE]).name == "cyclonedds.xml"
    assert CYCLONE_VARIABLE not in set_by(chosen | {CYCLONE_VARIABLE: "<own/>"}) | set_by({})


@needs_launch
@pytest.mark.parametrize("argument", ["params_file", "vocabulary", "fastdds_profile", "cyclonedds_profile"])
def test_a_missing_file_ends_the_launch_with_a_sentence(environment, argument):
    result = launch(environment, f"{argument}:=/missing.yaml")
    assert result.returncode != 0
    assert "there is no file '/missing.yaml'" in result.stdout + result.stderr
    assert not any(Path(environment[NOTES_VARIABLE]).iterdir())


@needs_launch
def test_a_missing_profile_is_said_also_where_the_environment_names_another(environment):
    result = launch(environment | {PROFILE_VARIABLE: "/own.xml"}, "fastdds_profile:=/missing.xml")
    assert result.returncode != 0
    assert "there is no file '/missing.xml'" in result.stdout + result.stderr


@needs_launch
def test_class_names_that_look_like_other_yaml_types_stay_text(environment):
    """launch writes lists without quotes, where ROS takes `y` for true and `08` for a number."""
    notes = segmenter_notes(environment, "vocabulary:=y, n, 1e3, 0x10, 08")
    path = Path(environment[NOTES_VARIABLE]) / "vocabulary.yaml"
    path.write_text(notes["texts"][1])
    check_file(path, "talk2dino", FIELDS)
    assert parse_classes(notes["overrides"]["vocabulary"]) == parse_classes(["y", "n", "1e3", "0x10", "08"])


@needs_launch
@pytest.mark.parametrize("rviz", ["no", "off", "False", "0"])
def test_rviz_can_be_declined_in_any_way(environment, rviz):
    segmenter_notes(environment, f"rviz:={rviz}")


@needs_launch
@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("rviz:=maybe", "rviz is 'maybe', expected one of"),
        ("rviz:=yes", "package 'rviz2' not found"),
        ("autostart:=perhaps", "autostart is 'perhaps', expected one of"),
        ("target_frame:=y", "target_frame is 'y', which ROS would read as a bool"),
    ],
)
def test_a_wrong_argument_ends_the_launch_and_leaves_no_node_behind(environment, argument, words):
    if "rviz2" in words and shutil.which("rviz2"):
        pytest.skip("rviz2 is installed here")
    result = launch(environment, argument)
    assert result.returncode != 0
    assert words in result.stdout + result.stderr
    assert not any(Path(environment[NOTES_VARIABLE]).iterdir())


@needs_launch
def test_every_argument_has_a_description(environment):
    shown = launch(environment, "--show-args").stdout
    files = [LAUNCH_FILE, LAUNCH_FILE.with_name("web.launch.py")]
    names = {name for file in files for name, _, _ in runpy.run_path(str(file))["ARGUMENTS"]}
    assert shown.count("(default: ") == len(names)
    assert "no description given" not in shown


@needs_launch_testing
@pytest.mark.skipif(not is_built(), reason="the node is not built: run `make setup`, then `source .venv/setup.bash`")
def test_the_real_node_segments_a_photograph_and_ends_cleanly(tmp_path):
    own = {name: value for name, value in os.environ.items() if name not in TRANSPORT_VARIABLES}
    own |= {"ROS_LOG_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "launch_testing.launch_test", str(HERE / "launch_session.py")]
    result = subprocess.run(command, env=own, capture_output=True, text=True, timeout=500, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
