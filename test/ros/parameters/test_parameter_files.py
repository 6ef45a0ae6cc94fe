# SPDX-License-Identifier: Apache-2.0
"""A parameter file that ROS would misread ends the start with one sentence: file, line, value and remedy."""

from pathlib import Path

import pytest

from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.memory.memory_parameters import MemoryParameters
from talk2dino_ros.ros.parameters.parameter_files import check_arguments, check_file, read_file
from talk2dino_ros.ros.parameters.parameter_set import ParameterError, fields_of
from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS

HEAD = "talk2dino:\n  ros__parameters:\n"


def check(tmp_path, text):
    path = tmp_path / "my.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    check_file(path, "talk2dino", FIELDS)


WRONG = {
    "prompts without quotes": (
        HEAD + "    vocabulary:\n      - door\n      - extinguisher: fire extinguisher, red bottle\n",
        ["line 5,", "extinguisher: fire extinguisher, red bottle", "in quotes, 'extinguisher: fire"],
    ),
    "prompts without quotes in brackets": (
        HEAD + "    vocabulary: [cup, 'pet: cat, dog', sofa: couch]\n",
        ["line 3,", "sofa: couch in vocabulary without quotes", "'sofa: couch'"],
    ),
    "a distractor without quotes": (
        HEAD + "    vocabulary: [cup, !table]\n",
        ["line 3,", "write words that begin with '!' in quotes, '!table'"],
    ),
    "a distractor of two words without quotes": (
        HEAD + "    vocabulary:\n      - cup\n      - !white wall\n",
        ["line 5,", "'!white wall'"],
    ),
    "words that ROS takes for bools": (HEAD + "    vocabulary: [y, n]\n", ["has y in vocabulary", "a bool", "'y'"]),
    "a word that ROS takes for a number": (
        HEAD + "    vocabulary:\n      - cup\n      - 1e3\n",
        ["line 5,", "has 1e3 in vocabulary, which ROS reads as a float, expected a text", "'1e3'"],
    ),
    "one word and no list": (HEAD + "    vocabulary: door\n", ["line 3,", "vocabulary, expected a list such as ['d"]),
    "a table of words": (HEAD + "    vocabulary:\n      door: red door\n", ["line 4,", "vocabulary, expected a list"]),
    "a list of lists": (HEAD + "    vocabulary: [[door]]\n", ["line 3,", "a list inside of a list"]),
    "an empty item": (HEAD + "    vocabulary:\n      -\n      - door\n", ["line 4,", "no value"]),
    "a frame that ROS takes for a bool": (HEAD + "    target_frame: on\n", ["line 3,", "on in target_frame", "'on'"]),
    "a whole number for a share": (HEAD + "    background: 1\n", ["line 3,", "background", "an int, expected a float"]),
    "a bool in quotes": (HEAD + "    overlay: 'true'\n", ["line 3,", "overlay", "a text, expected a bool"]),
    "a list for one value": (HEAD + "    model: [mini]\n", ["line 3,", "model, expected one value and no list"]),
    "no value": (HEAD + "    model:\n", ["line 3,", "gives model no value", "''"]),
    "tabs": ("talk2dino:\n\tros__parameters:\n\t\tmodel: mini\n", ["line 2,", "spaces instead of tabs"]),
    "latin-1": ((HEAD + "    vocabulary: [Tür]\n").encode("latin-1"), ["line 3,", "expected UTF-8; save it as UTF-8"]),
    "a control character": (HEAD + "    model: mi\x07ni\n", ["line 3,", "not text"]),
    "no ros__parameters": ("talk2dino:\n  model: mini\n", ["line 2,", "'model' right below", "parameters:' between"]),
    "nothing but values": ("model: mini\n", ["line 1,", "'ros__parameters:' between"]),
    "no node": ("ros__parameters:\n  model: mini\n", ["line 1,", "no node's name"]),
    "a list": ("- model\n", ["begins with no node's name"]),
    "one word": ("model", ["begins with no node's name"]),
    "a bracket that never closes": (HEAD + "    vocabulary: [door\n", ["is not valid YAML", "expected parameters"]),
    "old line ends": (HEAD.replace("\n", "\r") + "    vocabulary: [door\r\r\r", ["is not valid YAML"]),
    "an alias": (HEAD + "    vocabulary: &words [door]\n    cameras: *words\n", ["line 4,", "'*words' is an alias"]),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_file_that_ros_would_misread_is_one_sentence_with_file_and_line(tmp_path, wrong):
    text, words = WRONG[wrong]
    with pytest.raises(ParameterError) as caught:
        check(tmp_path, text)
    sentence = str(caught.value)
    assert str(tmp_path / "my.yaml") in sentence
    assert [word for word in words if word not in sentence] == [], sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        HEAD + "    model: mini\n    background: 0.5\n    vocabulary: ['y', \"08\", 'pet: cat, dog', '!wall', door]\n",
        HEAD + "    vocabulary:\n    - 12h\n    - ~\n    - !!str 08\n",
        "/**:\n  ros__parameters:\n    model: mini\n",
        "robot:\n  front:\n    talk2dino:\n      ros__parameters:\n        model: mini\n",
        "/robot/talk2dino:\n  ros__parameters:\n    model: mini\n",
        HEAD + "    qos_overrides:\n      /image:\n        subscription:\n          depth: 1\n",
        "planner:\n  ros__parameters:\n    vocabulary: 5\n    background: [1, 2]\n",  # another node's
        "\ufeff" + HEAD + "    model: mini\n",
    ],
)
def test_a_file_that_ros_reads_as_meant_passes(tmp_path, text):
    check(tmp_path, text)


@pytest.mark.parametrize("owner", ["/**", "/*", "/robot/*", "/robot/talk2dino", "talk2dino"])
def test_a_node_is_meant_by_its_name_in_any_namespace_and_by_stars(tmp_path, owner):
    with pytest.raises(ParameterError, match="model"):
        check(tmp_path, f"{owner}:\n  ros__parameters:\n    model: 5\n")


def test_a_missing_parameter_file_or_a_folder_is_refused(tmp_path):
    for path, reason in ((tmp_path / "no.yaml", "No such file"), (tmp_path, "it is a folder")):
        with pytest.raises(ParameterError, match=f"{path} cannot be read \\({reason}"):
            check_file(path, "talk2dino", FIELDS)


def test_a_file_nested_too_deeply_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="more than 50 lists and tables stand within each other"):
        check(tmp_path, "[" * 5000)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("vocabulary:=[cup, !table]", "write words that begin with '!' in quotes, '!table'"),
        ("vocabulary:=[!white wall, cup]", "!white wall in vocabulary without quotes"),
        ("vocabulary:=[sofa: couch]", "write it in quotes, 'sofa: couch'"),
        ("talk2dino:vocabulary:=[y]", "which ROS reads as a bool"),
        ("vocabulary:=door", "expected a list"),
        ("vocabulary:=[door", "is not valid YAML"),
        ("model:=", "gives no value, expected -p name:=value"),
        ("model", "gives no value, expected -p name:=value"),
        ("background:=1", "an int, expected a float"),
        ("target_frame:=on", "in quotes, 'on'"),
    ],
)
@pytest.mark.parametrize("option", ["-p", "--param"])
def test_arguments_are_read_like_files(rule, words, option):
    with pytest.raises(ParameterError) as caught:
        check_arguments(["segmenter", "--ros-args", "-r", "__ns:=/robot", option, rule], "talk2dino", FIELDS)
    assert str(caught.value).startswith(f"the argument -p {rule} ")
    assert "line" not in str(caught.value).replace("one a line", "")
    assert words in str(caught.value)


def test_arguments_that_are_right_pass():
    right = ["x", "--ros-args", "-p", "model:=mini", "-p", "vocabulary:=[\"y\", '!wall']", "--"]
    check_arguments(right, "talk2dino", FIELDS)


def test_the_nodes_name_of_the_arguments_counts(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("eyes:\n  ros__parameters:\n    model: 5\n")
    check_arguments(["x", "--ros-args", "--params-file", str(path)], "talk2dino", FIELDS)
    with pytest.raises(ParameterError, match="model"):
        check_arguments(["x", "--ros-args", "-r", "__node:=eyes", "--params-file", str(path)], "talk2dino", FIELDS)


def test_the_goal_nodes_parameters_are_read_by_its_own_table(tmp_path):
    path = tmp_path / "goal.yaml"
    path.write_text("goal:\n  ros__parameters:\n    goal_frame: y\n")
    with pytest.raises(ParameterError, match="line 3, has y in goal_frame, which ROS reads as a bool"):
        check_file(path, "goal", fields_of(GoalParameters))


@pytest.mark.parametrize(
    "name", ["segmenter", "goal", "memory", "vocabulary_indoor", "vocabulary_outdoor", "vocabulary_warehouse"]
)
def test_the_shipped_files_pass(name):
    from pathlib import Path

    path = Path(__file__).parents[3] / "config" / f"{name}.yaml"
    fields = {"goal": fields_of(GoalParameters), "memory": fields_of(MemoryParameters)}
    check_file(path, name if name in fields else "talk2dino", fields.get(name, FIELDS))


@pytest.mark.parametrize("bracket", ["[", "{"])
def test_brackets_that_are_not_closed_are_refused_at_the_fiftieth(bracket, tmp_path):
    """Two thousand of them took ten seconds."""
    path = tmp_path / "own.yaml"
    path.write_text(bracket * 2000)
    with pytest.raises(ParameterError, match=r"own\.yaml, line 1, is not valid YAML \(more than 50 lists and tables"):
        check_file(path, "talk2dino", {})


def test_a_file_is_read_as_ros_reads_it_for_a_node_and_what_comes_last_holds(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(
        "/**:\n  ros__parameters:\n    model: mini\n    background: 0.25\n    unknown: 1\n"
        "goal:\n  ros__parameters:\n    background: 0.5\n"
        "/robot/talk2dino:\n  ros__parameters:\n    background: 1e-2\n    input_size: 0x10\n    overlay: off\n"
        "    vocabulary: [cup, 'y', \"!wall\"]\n"
    )
    assert read_file(path, "talk2dino", FIELDS) == {
        "model": "mini",
        "background": 0.01,
        "input_size": 16,
        "overlay": False,
        "vocabulary": ("cup", "y", "!wall"),
    }


def test_the_shipped_file_has_the_defaults():
    shipped = Path(__file__).parents[3] / "config" / "segmenter.yaml"
    values = read_file(shipped, "talk2dino", FIELDS)
    assert values == {name: FIELDS[name].default for name in values}
    assert len(values) > 20


@pytest.mark.parametrize(
    ("arguments", "unread"),
    [
        (["x", "model:=mini"], "model:=mini"),
        (["x", "--help", "--ros-args", "-p", "a:=1"], "--help"),
        (["x", "--ros-args", "-p", "a:=1", "--", "b"], "b"),
    ],
)
def test_an_argument_that_nobody_would_read_is_refused(arguments, unread):
    with pytest.raises(ParameterError, match=f"the argument '{unread}' is not read, expected --ros-args .*; write a "):
        check_arguments(arguments, "talk2dino", FIELDS)


def test_what_is_behind_ros_args_is_read_up_to_two_dashes():
    check_arguments(["x", "--ros-args", "-r", "a:=b", "--log-level", "info", "--"], "talk2dino", FIELDS)
