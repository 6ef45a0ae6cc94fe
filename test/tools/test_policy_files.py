# SPDX-License-Identifier: Apache-2.0
"""What each SROS 2 policy of security/ permits, by the rules that its reader, ROS 2's own tool, has for it."""

from xml.etree import ElementTree

import pytest

from tools.security_policies import FOLDER, check_that_all_are_known

FILES = sorted(path.stem for path in FOLDER.glob("*.xml"))
NODES = {"segmenter": "talk2dino", "goal": "goal", "memory": "memory", "web": "web"}
CANCEL = "/navigate_to_pose/_action/cancel_goal"  # of the planner, whose policy is not ours
WORK = {
    *("/talk2dino/set_vocabulary", "/talk2dino/enable", "/talk2dino/encode_text", "/talk2dino/check_transport"),
    *("/goal/go_to", "/goal/cancel", "/memory/forget", "/memory/correct"),
}
MANAGEMENT = {
    f"/{node}/{service}"
    for node in NODES.values()
    for service in ("change_state", "set_parameters", "set_parameters_atomically")
}
CHANGES = WORK | MANAGEMENT


def permitted(file: str, verb: str) -> set[str]:
    """The full names of what an enclave's first node may do, made as sros2's permissions.xsl does."""
    profile = ElementTree.parse(FOLDER / f"{file}.xml").getroot().find("./enclaves/enclave/profiles/profile")
    assert profile.get("ns") == "/"
    found = profile.findall(f"./*[@{verb}='ALLOW']/*")
    return {full_name(element.text, profile.get("node")) for element in found}


def full_name(name: str, node: str) -> str:
    if name.startswith("/"):
        return name
    return f"/{node}{name[1:]}" if name.startswith("~") else f"/{name}"


def test_there_is_a_policy_for_each_node_and_each_kind_of_who_talks_to_it():
    assert FILES == ["goal", "inputs", "manager", "memory", "operator", "reader", "segmenter", "web"]


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_one_enclave_of_its_name(file):
    tree = ElementTree.parse(FOLDER / f"{file}.xml").getroot()
    assert (tree.tag, tree.get("version")) == ("policy", "0.2.0")
    assert [enclave.get("path") for enclave in tree.iter("enclave")] == [f"/talk2dino/{file}"]


def test_a_reader_changes_nothing():
    assert permitted("reader", "request") & CHANGES == set()
    assert permitted("reader", "call") == set()
    assert permitted("reader", "publish") == {"/rosout", "/parameter_events"}


def test_an_operator_may_work_and_a_manager_manage_and_neither_both():
    assert permitted("operator", "request") & CHANGES == WORK
    assert permitted("operator", "call") == {"/goal/go"}
    assert permitted("manager", "request") & CHANGES == MANAGEMENT
    assert permitted("manager", "call") == set()


def test_the_nodes_ask_each_other_what_they_have_to_and_no_more():
    asked = {file: permitted(file, "request") for file in NODES}
    assert asked["segmenter"] == set()
    assert asked["goal"] == {"/talk2dino/set_vocabulary", "/talk2dino/get_vocabulary", "/memory/find", CANCEL}
    assert asked["memory"] == {"/talk2dino/encode_text"}
    assert asked["web"] == {"/talk2dino/set_vocabulary", "/talk2dino/get_vocabulary", "/memory/find"}
    assert permitted("web", "call") == {"/goal/go"}


@pytest.mark.parametrize("file", FILES)
def test_only_a_node_answers_its_own_services(file):
    node = NODES.get(file, file)
    answered = permitted(file, "reply") - ({CANCEL} if file == "inputs" else set())
    assert {name.split("/")[1] for name in answered} == {node}


def test_all_that_the_nodes_hear_somebody_may_say():
    said = set().union(*(permitted(file, "publish") for file in [*NODES, "inputs"]))
    assert set().union(*(permitted(file, "subscribe") for file in NODES)) <= said


def test_all_that_the_nodes_say_a_reader_may_hear():
    assert set().union(*(permitted(file, "publish") for file in NODES)) <= permitted("reader", "subscribe")


def test_nobody_but_the_programs_of_ros2_is_known_by_a_pattern():
    texts = [element.text for file in FILES for element in ElementTree.parse(FOLDER / f"{file}.xml").iter()]
    assert [text for text in texts if text and "*" in text] == []
    nodes = {
        profile.get("node") for file in FILES for profile in ElementTree.parse(FOLDER / f"{file}.xml").iter("profile")
    }
    assert {node for node in nodes if "*" in node} == {"_ros2cli_*"}


def test_the_tool_stops_at_a_service_of_which_nobody_said_who_may_call_it():
    with pytest.raises(
        SystemExit, match=r"memory/erase_all: nothing says who may call it, expected its name in READING"
    ):
        check_that_all_are_known(["memory/find", "memory/erase_all"])
