# SPDX-License-Identifier: Apache-2.0
"""The trees of talk2dino_bt name nodes and ports that exist: our own by the sources, the others by the table below."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "talk2dino_bt"
TREES = sorted((PACKAGE / "trees").glob("*.xml"))
# What Nav2 1.3.12 (Jazzy) and 1.4.2 (Kilted) both have, by their nav2_behavior_tree/nav2_tree_nodes.xml: Jazzy has no
# error_msg, and refuses a tree with a port that it does not know.
NAV2 = {
    "BackUp": {"backup_dist", "backup_speed", "time_allowance", "server_name", "server_timeout", "error_code_id"},
    "ClearEntireCostmap": {"service_name", "server_timeout"},
    "ComputePathToPose": {
        *("goal", "start", "use_start", "planner_id", "path", "error_code_id", "server_name", "server_timeout")
    },
    "ControllerSelector": {"topic_name", "default_controller", "selected_controller"},
    "FollowPath": {
        *("path", "controller_id", "goal_checker_id", "progress_checker_id", "error_code_id"),
        *("server_name", "server_timeout"),
    },
    "GoalUpdated": set(),
    "PipelineSequence": set(),
    "PlannerSelector": {"topic_name", "default_planner", "selected_planner"},
    "RateController": {"hz"},
    "RecoveryNode": {"number_of_retries"},
    "RoundRobin": set(),
    "Spin": {"spin_dist", "time_allowance", "is_recovery", "server_name", "server_timeout", "error_code_id"},
    "Wait": {"wait_duration", "server_name", "server_timeout"},
    "WouldAControllerRecoveryHelp": {"error_code"},
    "WouldAPlannerRecoveryHelp": {"error_code"},
}
# BehaviorTree.CPP 4.6 and later, by its src/bt_factory.cpp and the nodes' providedPorts.
BEHAVIOR_TREE_CPP = {
    "Fallback": set(),
    "KeepRunningUntilFailure": set(),
    "Parallel": {"success_count", "failure_count"},
    "ReactiveFallback": set(),
    "Sequence": set(),
    "Sleep": {"msec"},
    "WhileDoElse": set(),
}


# What nodes write to the blackboard; bt_navigator itself writes the goal.
WRITTEN_BY_NAV2 = {
    "ComputePathToPose": {"path", "error_code_id"},
    "ControllerSelector": {"selected_controller"},
    "FollowPath": {"error_code_id"},
    "PlannerSelector": {"selected_planner"},
}


def own_ports(what):
    """Our nodes' ports of a kind, by what plugin.cpp registers and each class provides."""
    sources = "\n".join(path.read_text() for path in (PACKAGE / "src").glob("*.cpp"))
    registered = re.findall(r'registerNodeType<talk2dino_bt::(\w+)>\("(\w+)"\)', sources)
    return {
        name: set(re.findall(what, sources.split(f"{kind}::providedPorts()")[1].split("\n}")[0]))
        for kind, name in registered
    }


OWN = own_ports(r'putPort<[^(]*>\("(\w+)"')
NEEDED = own_ports(r'InputPort<[^(]*>\("(\w+)", "[^"]*"\)')  # without a default
WRITTEN = WRITTEN_BY_NAV2 | own_ports(r'OutputPort<[^(]*>\("(\w+)"')
PORTS = {**NAV2, **BEHAVIOR_TREE_CPP, **OWN}


def nodes_of(path):
    return [node for tree in ElementTree.parse(path).getroot() for node in tree.iter() if node is not tree]


def test_our_nodes_are_read_from_the_sources():
    assert set(OWN) == {"GoTo", "IsVisible", "Find"}
    assert OWN["Find"] == {"word", "timeout_s", "max_age_s", "topic", "position"}
    assert {name: {"word"} for name in OWN} == NEEDED
    assert (WRITTEN["Find"], WRITTEN["IsVisible"]) == ({"position"}, set())


@pytest.mark.parametrize("path", TREES, ids=lambda path: path.name)
def test_a_tree_names_nodes_and_ports_that_exist(path):
    root = ElementTree.parse(path).getroot()
    assert root.get("BTCPP_format") == "4"
    assert root.get("main_tree_to_execute") in {tree.get("ID") for tree in root.findall("BehaviorTree")}
    for node in nodes_of(path):
        assert node.tag in PORTS, f"{node.tag} is no node of talk2dino_bt, Nav2 or BehaviorTree.CPP"
        assert set(node.keys()) - {"name"} <= PORTS[node.tag], f"{node.tag} of {path.name} has ports that do not exist"
        assert set(node.keys()) >= NEEDED.get(node.tag, set())
    assert {node.tag for node in nodes_of(path)} & set(OWN)


@pytest.mark.parametrize("path", TREES, ids=lambda path: path.name)
def test_what_a_tree_reads_from_the_blackboard_somebody_writes(path):
    ports = [(node.tag, *port) for node in nodes_of(path) for port in node.items() if port[1].startswith("{")]
    written = {value for tag, port, value in ports if port in WRITTEN.get(tag, set())} | {"{goal}"}
    assert {value for _, _, value in ports} <= written


def test_a_tree_that_bt_navigator_runs_sends_nav2_no_goal():
    for path in TREES:
        tags = {node.tag for node in nodes_of(path)}
        assert not {"GoTo", "FollowPath"} <= tags, f"{path.name}: GoTo would replace the goal that this tree drives to"


def test_the_page_lists_each_node_with_its_ports():
    page = (ROOT / "docs" / "agents.md").read_text()
    rows = {name: set(re.findall(r"`(\w+)`", ports)) for name, ports in re.findall(r"\| `(\w+)` \(\w+\) \|(.*)", page)}
    assert rows == OWN
    assert [path.name for path in TREES if path.name not in page] == []
