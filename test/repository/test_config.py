# SPDX-License-Identifier: Apache-2.0
"""The shipped files of config/ and rviz/ say the same as the code, and ROS reads them."""

import re
import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from parameter_yaml import comments_of, values_of

from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.segmenter.parameters import segmenter_parameters
from talk2dino_ros.segmenter.transport.middleware_facts import OUR_REQUEST, middleware_facts

ROOT = Path(__file__).parents[2]
SEGMENTER = ROOT / "config" / "segmenter.yaml"
VOCABULARIES = sorted((ROOT / "config").glob("vocabulary_*.yaml"))
DEFAULTS = {
    name: list(value) if isinstance(value, tuple) else value
    for name, value in asdict(segmenter_parameters.Parameters()).items()
}


def read_by_ros(path: Path, namespace: str, before: Path = SEGMENTER) -> segmenter_parameters.Parameters:
    """The parameters that the node would have with this file behind another."""
    rclpy = pytest.importorskip("rclpy", reason="ROS 2 is missing: rclpy cannot be imported")
    context = rclpy.Context()
    files = [word for each in (before, path) for word in ("--params-file", str(each))]
    rclpy.init(args=["--ros-args", *files], context=context)
    try:
        node = rclpy.create_node("talk2dino", namespace=namespace, context=context)
        segmenter_parameters.declare(node)
        values = segmenter_parameters.read(node)
        node.destroy_node()
    finally:
        context.shutdown()
    return values


def test_the_parameter_file_has_every_parameter_in_the_declared_order():
    names = list(values_of(SEGMENTER))
    assert names == list(segmenter_parameters.FIELDS)
    assert names[-2:] == ["diagnostics_period_s", "autostart"]  # what each node has comes last


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_parameter_file_has_the_declared_default(name):
    value = values_of(SEGMENTER)[name]
    assert (type(value), value) == (type(DEFAULTS[name]), DEFAULTS[name])


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_parameter_file_explains_a_parameter_as_its_declaration_does(name):
    comment, metadata = comments_of(SEGMENTER)[name], segmenter_parameters.FIELDS[name].metadata
    assert comment.startswith(metadata["text"])
    assert comment.endswith("(live)") == metadata["live"]
    assert all(str(choice) in comment for choice in metadata["choices"])
    assert metadata["low"] is None or f"{metadata['low']}" in comment


@pytest.mark.parametrize("namespace", ["/", "/robot"])
def test_ros_reads_the_parameter_file(namespace):
    assert read_by_ros(SEGMENTER, namespace) == segmenter_parameters.Parameters()


def test_there_are_vocabularies_for_three_places():
    assert [path.stem for path in VOCABULARIES] == ["vocabulary_indoor", "vocabulary_outdoor", "vocabulary_warehouse"]


@pytest.mark.parametrize("path", VOCABULARIES, ids=lambda path: path.stem)
def test_a_shipped_vocabulary_is_valid_and_nothing_but_a_vocabulary(path):
    values = values_of(path)
    assert list(values) == ["vocabulary_file", "background_class", "vocabulary"]
    assert values["vocabulary_file"] == ""  # one that the parameter file names would stand in for the words
    entries = parse_classes(values["vocabulary"])
    assert any(entry.distractor for entry in entries)
    assert not any(entry.distractor for entry in entries if "person" in entry.prompts)


@pytest.mark.parametrize("namespace", ["/", "/robot"])
@pytest.mark.parametrize("path", VOCABULARIES, ids=lambda path: path.stem)
def test_ros_reads_a_shipped_vocabulary(path, namespace):
    assert list(read_by_ros(path, namespace).vocabulary) == values_of(path)["vocabulary"]


@pytest.mark.parametrize("section", ["/**", "/talk2dino"])
@pytest.mark.parametrize("path", VOCABULARIES, ids=lambda path: path.stem)
def test_a_shipped_vocabulary_stands_in_for_a_file_of_vectors_too(path, section, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(f"{section}: {{ros__parameters: {{vocabulary_file: words.safetensors}}}}")
    assert read_by_ros(own, "/").vocabulary_file == "words.safetensors"
    assert read_by_ros(path, "/", before=own).vocabulary_file == ""


def test_the_transport_profile_keeps_udp_beside_shared_memory_and_nothing_else():
    root = ET.parse(ROOT / "config" / "fastdds.xml").getroot()
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    types = {
        element.findtext("transport_id"): element.findtext("type") for element in root.iter("transport_descriptor")
    }
    assert types == {"shared_memory": "SHM", "udp": "UDPv4"}
    (participant,) = root.iter("participant")
    assert participant.get("is_default_profile") == "true"
    assert [element.text for element in participant.find("rtps/userTransports")] == list(types)
    assert [element.tag for element in participant.find("rtps")] == ["userTransports", "useBuiltinTransports"]


def test_the_small_transport_profile_differs_in_the_segments_size_alone():
    full, small = ((ROOT / "config" / name).read_text() for name in ("fastdds.xml", "fastdds_small.xml"))
    full, small = (ET.canonicalize(text, strip_text=True, with_comments=False) for text in (full, small))
    assert f"<segment_size>{64 << 20}<" in full
    assert small == full.replace(str(64 << 20), str(16 << 20))


def test_cyclones_profile_asks_for_a_larger_socket_and_for_nothing_else():
    (domain,) = ET.parse(ROOT / "config" / "cyclonedds.xml").getroot()
    elements = [(element.tag.rpartition("}")[2], element.attrib) for element in domain.iter()]
    # a `min` that the kernel does not allow would end every node at its start
    assert elements == [("Domain", {"id": "any"}), ("Internal", {}), ("SocketReceiveBufferSize", {"max": "16 MiB"})]
    chosen = {"CYCLONEDDS_URI": str(ROOT / "config" / "cyclonedds.xml")}
    assert middleware_facts("rmw_cyclonedds_cpp", chosen).requested == OUR_REQUEST == 16 << 20


def test_zenohs_override_is_one_line_that_the_self_check_knows():
    (line,) = (ROOT / "config" / "zenoh_override.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[a-z_/]+=\w+", entry) for entry in line.split(";"))
    assert middleware_facts("rmw_zenoh_cpp", {"ZENOH_CONFIG_OVERRIDE": line}).shares_memory


def shown_by(name: str) -> dict[str, dict]:
    """The displays of an RViz file, by their names."""
    displays = yaml.safe_load((ROOT / "rviz" / name).read_text())["Visualization Manager"]["Displays"]
    return {display["Name"]: display for display in displays}


def test_rviz_shows_images_and_points_on_topics_that_the_node_has():
    shown = {name: display.get("Topic", {}) for name, display in shown_by("segment.rviz").items()}
    topics = {name: topic.get("Value") for name, topic in shown.items()}
    assert topics == {
        "Grid": None,
        "Overlay": "talk2dino/overlay",
        "Camera": "image",
        "Mask": "talk2dino/mask",
        "Points of interest": "talk2dino/markers",
    }
    # A reliable reader would get nothing from a best-effort camera, nor from the overlay.
    assert {shown[name]["Reliability Policy"] for name in ("Overlay", "Camera", "Mask")} == {"Best Effort"}


def test_the_aggregators_analyzers_take_each_status_of_our_nodes_and_no_others():
    """As diagnostic_aggregator's GenericAnalyzer does: a pattern has to match the whole name."""
    parameters = yaml.safe_load((ROOT / "config" / "diagnostics.yaml").read_text())["analyzers"]["ros__parameters"]
    assert parameters.pop("path") == "Talk2DINO"
    assert {each["type"] for each in parameters.values()} == {"diagnostic_aggregator/GenericAnalyzer"}
    patterns = {name: each["regex"][0] for name, each in parameters.items()}

    def takers_of(status):
        return [name for name, pattern in patterns.items() if re.fullmatch(pattern, status)]

    for name, parts in (
        ("segmenter", ("talk2dino: model", "talk2dino: camera", "talk2dino: camera front", "talk2dino: node")),
        ("goal", ("goal: goal", "goal: node")),
        ("memory", ("memory: memory", "memory: node")),
        ("web", ("web: node",)),
    ):
        for part in parts:
            assert [takers_of(f"{namespace}{part}") for namespace in ("", "robot1/", "a/b/")] == [[name]] * 3
    assert [takers_of(other) for other in ("host: memory: node", "memory: Usage", "my_goal: goal")] == [[], [], []]
