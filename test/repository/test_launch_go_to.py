# SPDX-License-Identifier: Apache-2.0
"""go_to.launch.py and nav2.launch.py, started as a user does, with stand-ins that note how they were called."""

import shutil
from pathlib import Path

import pytest
import yaml
from fake_nodes import CONFIG, LAUNCH_FILE, NOTES_VARIABLE, launch, needs_launch, notes_of

GO_TO = LAUNCH_FILE.with_name("go_to.launch.py")


@needs_launch
def test_go_to_starts_both_nodes_with_their_parameter_files(environment):
    notes = notes_of(environment, file=GO_TO)
    goal, segmenter = notes["goal"], notes["segmenter"]
    assert goal["files"] == [str(CONFIG / "goal.yaml")]
    assert "__node:=goal" in goal["arguments"]
    assert segmenter["files"][0] == str(CONFIG / "segmenter.yaml")
    assert segmenter["overrides"] == {"target_frame": "odom"}


@needs_launch
def test_go_to_passes_on_what_is_meant_for_both_and_for_each(environment):
    given = ("namespace:=robot", "autostart:=false", "model:=mini", "goal_frame:=odom", "costmap:=/map")
    notes = notes_of(environment, *given, file=GO_TO)
    goal, segmenter = notes["goal"], notes["segmenter"]
    assert goal["overrides"] == {"goal_frame": "odom", "autostart": False}
    assert {"__ns:=/robot", "costmap:=/map"} <= set(goal["arguments"])
    assert segmenter["overrides"] == {"model": "mini", "target_frame": "odom", "autostart": False}
    assert "__ns:=/robot" in segmenter["arguments"]
    assert "costmap:=/map" not in segmenter["arguments"]


@needs_launch
@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("go_to", ["goal_params_file:=/missing.yaml"], "there is no file '/missing.yaml'"),
        ("go_to", ["memory:=true", "memory_params_file:=/missing.yaml"], "there is no file '/missing.yaml'"),
        ("segment", ["web:=true", "web_params_file:=/missing.yaml"], "there is no file '/missing.yaml'"),
        ("nav2", ["memory:=true", "memory_rviz:=maybe"], "memory_rviz is 'maybe', expected one of"),
    ],
)
def test_a_wrong_argument_of_any_node_is_said_before_the_first_one_starts(environment, name, given, words):
    result = launch(environment, *given, file=LAUNCH_FILE.with_name(f"{name}.launch.py"))
    assert result.returncode != 0
    assert words in result.stdout + result.stderr
    assert not any(Path(environment[NOTES_VARIABLE]).iterdir())


@needs_launch
def test_every_argument_of_go_to_has_a_description(environment):
    shown = launch(environment, "--show-args", file=GO_TO).stdout
    assert all(f"'{name}'" in shown for name in ("goal_params_file", "goal_frame", "base_frame", "costmap", "model"))
    assert "no description given" not in shown


@needs_launch
def test_go_to_starts_the_memory_on_demand_with_what_is_meant_for_it(environment):
    given = ("memory:=true", "namespace:=robot", "map_id:=office", "pose_topic:=/amcl_pose", "use_sim_time:=true")
    memory = notes_of(environment, *given, file=GO_TO)["memory"]
    assert memory["files"][0] == str(CONFIG / "memory.yaml")
    assert memory["overrides"] == {"map_id": "office", "pose_topic": "/amcl_pose", "use_sim_time": True}
    assert {"__ns:=/robot", "__node:=memory"} <= set(memory["arguments"])


@needs_launch
def test_memory_starts_alone_with_its_folder(environment):
    notes = notes_of(environment, "memory_folder:=/data/memories", file=LAUNCH_FILE.with_name("memory.launch.py"))
    assert set(notes) == {"memory"}
    assert notes["memory"]["overrides"] == {"folder": "/data/memories"}


@needs_launch
@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("memory_rviz:=maybe", "memory_rviz is 'maybe', expected one of"),
        ("memory_rviz:=yes", "package 'rviz2' not found"),
        ("memory_params_file:=/missing.yaml", "there is no file '/missing.yaml'"),
    ],
)
def test_a_wrong_argument_of_the_memory_is_said_and_leaves_no_node_behind(environment, argument, words):
    if "rviz2" in words and shutil.which("rviz2"):
        pytest.skip("rviz2 is installed here")
    result = launch(environment, argument, file=LAUNCH_FILE.with_name("memory.launch.py"))
    assert result.returncode != 0
    assert words in result.stdout + result.stderr
    assert not any(Path(environment[NOTES_VARIABLE]).iterdir())


@needs_launch
def test_each_node_goes_into_its_own_enclave(environment):
    notes = notes_of(environment, "memory:=true", "enclaves:=/talk2dino", file=GO_TO)
    enclaves = {name: note["arguments"][note["arguments"].index("--enclave") + 1] for name, note in notes.items()}
    assert enclaves == {name: f"/talk2dino/{name}" for name in ("segmenter", "goal", "memory")}


@needs_launch
@pytest.mark.parametrize("file", ["segment", "memory", "go_to", "nav2", "web"])
def test_the_page_starts_on_every_launch_file_once(environment, file):
    path = LAUNCH_FILE.with_name(f"{file}.launch.py")
    given = ("memory:=true", "namespace:=robot", "web_host:=0.0.0.0", "enclaves:=/talk2dino")
    page = notes_of(environment, "web:=true", *given, file=path)["web"]
    assert page["overrides"] == {"host": "0.0.0.0"}
    assert {"__ns:=/robot", "__node:=web", "/talk2dino/web"} <= set(page["arguments"])
    assert page["files"][0] == str(CONFIG / "web.yaml")


@needs_launch
def test_no_page_starts_where_none_is_asked_for(environment):
    assert "web" not in notes_of(environment, file=GO_TO)


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
    notes = notes_of(environment, "namespace:=robot", *given, file=file)
    for name in ("segmenter", "goal"):
        assert TF & set(notes[name]["arguments"]) == (TF if is_namespaced else set())


@needs_launch
def test_nav2_starts_both_nodes_for_a_manager_of_nav2_that_waits_for_no_bond(environment):
    given = ("namespace:=robot", "model:=mini", "target_frame:=map", "costmap:=/global_costmap/costmap")
    notes = notes_of(environment, *given, file=NAV2)
    manager, segmenter, goal = (notes[name] for name in ("lifecycle_manager", "segmenter", "goal"))
    (section,) = [section for name, section in yaml.safe_load(manager["texts"][0]).items() if "manager" in name]
    assert section["ros__parameters"]["bond_timeout"] == 0.0
    assert {"__ns:=/robot", "__node:=lifecycle_manager_talk2dino"} <= set(manager["arguments"])
    assert segmenter["overrides"] == {"model": "mini", "target_frame": "map", "autostart": False}
    assert goal["overrides"] == {"autostart": False}
    assert "costmap:=/global_costmap/costmap" in goal["arguments"]


@needs_launch
def test_nav2_manages_the_memory_where_it_is_asked_for(environment):
    assert "memory" not in notes_of(environment, file=NAV2)
    notes = notes_of(environment, "memory:=true", file=NAV2)
    assert notes["memory"]["overrides"] == {"autostart": False}
    assert list(notes["lifecycle_manager"]["overrides"]["node_names"]) == ["talk2dino", "goal", "memory"]
