# SPDX-License-Identifier: Apache-2.0
"""The launch file, started as a user does: with a stand-in that notes how it was called, and with the real node."""

import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.ros.parameters.launch_arguments import PROFILE_VARIABLE, TRANSPORT_VARIABLES
from talk2dino_ros.ros.parameters.parameter_files import check_file
from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS

HERE = Path(__file__).parents[1]
CONFIG = HERE.parent / "config"
LAUNCH_FILE = HERE.parent / "launch" / "segment.launch.py"
NOTES_VARIABLE = "NOTES_OF_THE_FAKE_SEGMENTER"
STOOD_IN = (
    ("talk2dino_ros", "goal"),
    ("talk2dino_ros", "segmenter"),
    ("nav2_lifecycle_manager", "lifecycle_manager"),
)
FAKE_SEGMENTER = f"""#!{sys.executable}
import json, os, pathlib, sys
files = [argument for before, argument in zip(sys.argv, sys.argv[1:]) if before == "--params-file"]
notes = dict(arguments=sys.argv, files=files, texts=[pathlib.Path(file).read_text() for file in files],
             environment=dict(os.environ))
pathlib.Path(os.environ["{NOTES_VARIABLE}"], pathlib.Path(sys.argv[0]).name).write_text(json.dumps(notes))
print("what the node has to say")
"""


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


# A folder named launch lies in this repository, so it is launch_ros that tells whether launch is installed.
needs_launch = pytest.mark.skipif(
    not (has("launch_ros") and shutil.which("ros2")), reason="`ros2 launch` is not installed (PyPI's ROS 2 lacks it)"
)
needs_launch_testing = pytest.mark.skipif(
    not (has("launch_ros") and has("launch_testing")), reason="launch_testing is not installed (PyPI's ROS 2 lacks it)"
)


def is_built() -> bool:
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    return any((Path(prefix) / "lib" / "talk2dino_ros" / "segmenter").is_file() for prefix in prefixes)


@pytest.fixture
def environment(tmp_path):
    """An environment in which the stand-in is all that is started, and no transport is chosen."""
    prefix = tmp_path / "prefix"
    index, notes = prefix / "share" / "ament_index" / "resource_index" / "packages", tmp_path / "notes"
    for folder in (index, notes):
        folder.mkdir(parents=True)
    for package, name in STOOD_IN:
        (index / package).touch()
        executable = prefix / "lib" / package / name
        executable.parent.mkdir(parents=True, exist_ok=True)
        executable.write_text(FAKE_SEGMENTER)
        executable.chmod(stat.S_IRWXU)
    own = {name: value for name, value in os.environ.items() if name not in (*TRANSPORT_VARIABLES, "ROS_DISTRO")}
    return own | {
        "AMENT_PREFIX_PATH": os.pathsep.join([str(prefix), os.environ.get("AMENT_PREFIX_PATH", "")]),
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
        "ROS_LOG_DIR": str(tmp_path / "log"),
        NOTES_VARIABLE: str(notes),
    }


def launch(environment, *arguments: str, file: Path = LAUNCH_FILE) -> subprocess.CompletedProcess[str]:
    command = ["ros2", "launch", str(file), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def notes_of(environment, *arguments: str, file: Path = LAUNCH_FILE, executable: str = "segmenter"):
    """Launch with the arguments; return the notes of the stand-in, with `overrides` by parameter name."""
    result = launch(environment, *arguments, file=file)
    assert result.returncode == 0, result.stdout + result.stderr
    notes = json.loads(Path(environment[NOTES_VARIABLE], executable).read_text())
    notes["overrides"] = {}
    for text in notes["texts"][1:]:
        (node,) = yaml.full_load(text).values()  # launch_ros writes lists with the tag of a Python tuple
        notes["overrides"] |= node["ros__parameters"]
    return notes


@needs_launch
def test_arguments_left_empty_leave_the_parameter_file_alone(environment):
    notes = notes_of(environment)
    assert notes["files"][0] == str(CONFIG / "segmenter.yaml")
    assert notes["overrides"] == {}
    assert "__node:=talk2dino" in notes["arguments"]
    assert not [argument for argument in notes["arguments"] if "image:=" in argument]


@needs_launch
def test_arguments_override_parameters_with_the_right_types(environment):
    words = 'door; sofa: sofa, couch; no; 7; 消火器; say "hi"; !wall'
    notes = notes_of(environment, "model:=mini", "device:=cuda:1", "autostart:=false", f"vocabulary:={words}")
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
    notes = notes_of(environment, f"params_file:={tmp_path / 'own.yaml'}", "model:=mini", "namespace:=robot")
    assert list(yaml.safe_load(notes["texts"][-1])) == ["/robot/talk2dino"]


@needs_launch
def test_a_shipped_vocabulary_comes_after_the_parameter_file(environment):
    notes = notes_of(environment, "vocabulary:=indoor")
    assert notes["files"] == [str(CONFIG / "segmenter.yaml"), str(CONFIG / "vocabulary_indoor.yaml")]


@needs_launch
def test_what_the_node_says_is_shown(environment):
    result = launch(environment)
    assert "what the node has to say" in result.stdout + result.stderr


@needs_launch
def test_the_image_topic_and_the_namespace_reach_the_node(environment):
    arguments = notes_of(environment, "image:=/front/image_raw", "namespace:=robot")["arguments"]
    assert {"image:=/front/image_raw", "__ns:=/robot"} <= set(arguments)


@needs_launch
def test_the_transport_profile_is_on_by_default(environment):
    assert notes_of(environment)["environment"][PROFILE_VARIABLE] == str(CONFIG / "fastdds.xml")


@needs_launch
def test_the_transport_profile_can_be_left_out(environment):
    assert PROFILE_VARIABLE not in notes_of(environment, "fastdds_profile:=none")["environment"]


@needs_launch
def test_a_transport_profile_that_the_user_chose_stays(environment):
    own = environment | {PROFILE_VARIABLE: "/own.xml"}
    assert notes_of(own)["environment"][PROFILE_VARIABLE] == "/own.xml"


@needs_launch
@pytest.mark.parametrize("argument", ["params_file", "vocabulary", "fastdds_profile"])
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
def test_words_reach_ros_as_words_whatever_it_may_take_them_for(environment):
    """launch writes lists without quotes, where ROS takes `y` for true and `08` for a number."""
    notes = notes_of(environment, "vocabulary:=y, n, 1e3, 0x10, 08")
    path = Path(environment[NOTES_VARIABLE]) / "vocabulary.yaml"
    path.write_text(notes["texts"][1])
    check_file(path, "talk2dino", FIELDS)
    assert parse_classes(notes["overrides"]["vocabulary"]) == parse_classes(["y", "n", "1e3", "0x10", "08"])


@needs_launch
@pytest.mark.parametrize("rviz", ["no", "off", "False", "0"])
def test_rviz_can_be_declined_in_any_way(environment, rviz):
    notes_of(environment, f"rviz:={rviz}")


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
    assert shown.count("(default: ") == 16
    assert "no description given" not in shown


@needs_launch_testing
@pytest.mark.skipif(not is_built(), reason="the node is not built: run `make setup`, then `source .venv/setup.bash`")
def test_the_real_node_segments_a_photograph_and_ends_cleanly(tmp_path):
    own = {name: value for name, value in os.environ.items() if name not in TRANSPORT_VARIABLES}
    own |= {"ROS_LOG_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "launch_testing.launch_test", str(HERE / "launch_session.py")]
    result = subprocess.run(command, env=own, capture_output=True, text=True, timeout=240, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


GO_TO = LAUNCH_FILE.with_name("go_to.launch.py")


@needs_launch
def test_go_to_starts_both_nodes_with_their_parameter_files(environment):
    goal = notes_of(environment, file=GO_TO, executable="goal")
    assert goal["files"] == [str(CONFIG / "goal.yaml")]
    assert "__node:=goal" in goal["arguments"]
    segmenter = notes_of(environment, file=GO_TO)
    assert segmenter["files"][0] == str(CONFIG / "segmenter.yaml")
    assert segmenter["overrides"] == {"target_frame": "odom"}


@needs_launch
def test_go_to_passes_on_what_is_meant_for_both_and_for_each(environment):
    given = ("namespace:=robot", "autostart:=false", "model:=mini", "goal_frame:=odom", "costmap:=/map")
    goal = notes_of(environment, *given, file=GO_TO, executable="goal")
    assert goal["overrides"] == {"goal_frame": "odom", "autostart": False}
    assert {"__ns:=/robot", "costmap:=/map"} <= set(goal["arguments"])
    segmenter = notes_of(environment, *given, file=GO_TO)
    assert segmenter["overrides"] == {"model": "mini", "target_frame": "odom", "autostart": False}
    assert "__ns:=/robot" in segmenter["arguments"]
    assert "costmap:=/map" not in segmenter["arguments"]


@needs_launch
def test_go_to_ends_with_a_sentence_where_the_goals_parameter_file_is_missing(environment):
    result = launch(environment, "goal_params_file:=/missing.yaml", file=GO_TO)
    assert result.returncode != 0
    assert "there is no file '/missing.yaml'" in result.stdout + result.stderr
    assert not any(Path(environment[NOTES_VARIABLE]).iterdir())


@needs_launch
def test_every_argument_of_go_to_has_a_description(environment):
    shown = launch(environment, "--show-args", file=GO_TO).stdout
    assert all(f"'{name}'" in shown for name in ("goal_params_file", "goal_frame", "base_frame", "costmap", "model"))
    assert "no description given" not in shown


NAV2 = LAUNCH_FILE.with_name("nav2.launch.py")
TF = {"/tf:=tf", "/tf_static:=tf_static"}


@needs_launch
@pytest.mark.parametrize(
    ("file", "given", "is_namespaced"),
    [
        (GO_TO, [], False),
        (GO_TO, ["use_namespaced_tf:=true"], True),
        (NAV2, [], True),
        (NAV2, ["use_namespaced_tf:=no"], False),
    ],
)
def test_both_nodes_listen_to_the_transforms_of_their_namespace_where_asked_to(environment, file, given, is_namespaced):
    """Nav2's bring-up remaps both topics always."""
    for executable in ("segmenter", "goal"):
        arguments = notes_of(environment, "namespace:=robot", *given, file=file, executable=executable)["arguments"]
        assert TF & set(arguments) == (TF if is_namespaced else set())


@needs_launch
def test_nav2_starts_both_nodes_for_a_manager_of_nav2_that_waits_for_no_bond(environment):
    given = ("namespace:=robot", "model:=mini", "target_frame:=map", "costmap:=/global_costmap/costmap")
    manager = notes_of(environment, *given, file=NAV2, executable="lifecycle_manager")
    (section,) = [section for name, section in yaml.safe_load(manager["texts"][0]).items() if "manager" in name]
    assert section["ros__parameters"]["bond_timeout"] == 0.0
    assert {"__ns:=/robot", "__node:=lifecycle_manager_talk2dino"} <= set(manager["arguments"])
    segmenter = notes_of(environment, *given, file=NAV2)
    assert segmenter["overrides"] == {"model": "mini", "target_frame": "map", "autostart": False}
    goal = notes_of(environment, *given, file=NAV2, executable="goal")
    assert goal["overrides"] == {"autostart": False}
    assert "costmap:=/global_costmap/costmap" in goal["arguments"]
