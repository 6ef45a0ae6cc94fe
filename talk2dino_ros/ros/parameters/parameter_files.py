# SPDX-License-Identifier: Apache-2.0
"""Check parameter files and `-p` arguments by ROS's own rules before ROS reads them; errors name the line.

ROS's own parser (rcl_yaml_param_parser) drops a class `name: prompt` without quotes in silence, takes `y` for true and
`08` for a number, and ends with a traceback where it cannot go on. Values are read by its rules, not by YAML's.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from talk2dino_ros.engine.files.bounded_parsers import BoundedComposer
from talk2dino_ros.engine.files.regular_files import read_regular
from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.ros.parameters.parameter_field import Value, to_ros
from talk2dino_ros.ros.parameters.parameter_set import ParameterError
from talk2dino_ros.ros.parameters.ros_values import KINDS, kind_of, value_of

Fields = Mapping[str, "dataclasses.Field[Any]"]

PARAMETERS_KEY = "ros__parameters"
TAGGED = re.compile(r"[\s\[,-](!\w+)")
STRING_TAG = "tag:yaml.org,2002:str"


@dataclasses.dataclass(frozen=True)
class _Place:
    """Source of values: a file, or an argument, which has no lines."""

    name: str
    has_lines: bool = True

    def at(self, line: int) -> str:
        """Return the place of a line, counted from 0, as sentences begin."""
        return f"{self.name}, line {line + 1}," if self.has_lines else self.name

    def of(self, node: yaml.Node) -> str:
        """Return the place of a value."""
        return self.at(node.start_mark.line)


class _Loader(BoundedComposer, yaml.BaseLoader):
    """Leaves values as they are written, with the tags that are written, and nothing else."""

    ALIAS = "which ROS does not read"

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        return ""


def check_arguments(arguments: Sequence[str], node_name: str, fields: Fields) -> None:
    """Raise ParameterError, one sentence, where a `--params-file` or `-p` among a program's arguments is wrong.

    So it does where an argument would not be read at all. arguments: with the program's name first, as in sys.argv.
    node_name: which node's parameters of a file are meant, where the arguments give it no other name.
    fields: of its parameters; other names are passed over.
    """
    if unread := list(_unread(arguments)):
        raise ParameterError(
            f"the argument {shorten(unread[0])} is not read, expected --ros-args and what belongs to it; write a "
            "parameter as --ros-args -p name:=value"
        )
    options = list(_ros_options(arguments))
    renamed = [
        value.partition(":=")[2] for option, value in options if option in ("-r", "--remap") and "__node:=" in value
    ]
    for option, value in options:
        if option == "--params-file":
            check_file(Path(value), (renamed or [node_name])[-1], fields)
        elif option in ("-p", "--param"):
            _check_override(value, fields)


def _ros_options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each option of ROS with the argument behind it."""
    is_ros = False
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        is_ros = option == "--ros-args" or (is_ros and option != "--")
        if is_ros:
            yield option, value


def _unread(arguments: Sequence[str]) -> Iterator[str]:
    """Yield each argument behind the program's name that is none of ROS's."""
    is_ros = False
    for number, argument in enumerate(arguments):
        is_end = is_ros and argument == "--"
        is_ros = argument == "--ros-args" or (is_ros and not is_end)
        if number and not is_ros and not is_end:
            yield argument


def check_file(path: Path, node_name: str, fields: Fields) -> None:
    """Raise ParameterError, with file and line, where ROS could not read a parameter file or would misread it."""
    read_file(path, node_name, fields)


def read_file(path: Path, node_name: str, fields: Fields) -> dict[str, Value]:
    """Return what ROS reads of a parameter file for a node, by name, of those in `fields`; the last of a name holds.

    Raises ParameterError, with file and line, where ROS could not read it or would misread it.
    """
    try:
        data = read_regular(path)
    except OSError as error:
        raise ParameterError(
            f"the parameter file {path} cannot be read ({error.strerror}), expected a file; correct the path"
        ) from error
    place = _Place(str(path))
    root, values = _compose(data, place), {}
    for owner, name, node in _parameters(root, place) if root is not None else ():
        if owner.rpartition("/")[2] in (node_name, "*", "**") and name in fields:
            values[name] = _checked(name, node, fields[name], place)
    return values


def _check_override(rule: str, fields: Fields) -> None:
    name, assign, value = rule.partition(":=")
    place = _Place(f"the argument -p {rule}", has_lines=False)
    if not (assign and name and value.strip()):
        raise ParameterError(
            f"{place.name} gives no value, expected -p name:=value; write it so, an empty text as '\"\"'"
        )
    node = _compose(value.encode("utf-8", "surrogateescape"), place)
    name = name.rpartition(":")[2]
    if node is not None and name in fields:
        _checked(name, node, fields[name], place)


def _compose(data: bytes, place: _Place) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(data, _Loader)
    except yaml.reader.ReaderError as error:
        at = place.at(data[: error.position].count(b"\n"))
        raise ParameterError(
            f"{at} holds bytes that are not text ({error.reason}), expected UTF-8; save it as UTF-8"
        ) from error
    except yaml.MarkedYAMLError as error:
        raise ParameterError(_unreadable(error, data, place)) from error
    return node


def _unreadable(error: yaml.MarkedYAMLError, data: bytes, place: _Place) -> str:
    lines = dict(enumerate(data.decode(errors="replace").split("\n")))
    marks = [mark.line for mark in (error.context_mark, error.problem_mark) if mark] or [0]
    tagged = next((line for line in marks if TAGGED.search(lines.get(line, ""))), None)
    line = marks[-1] if tagged is None else tagged
    found = TAGGED.search(lines.get(line, ""))
    if found:  # such a word may swallow the bracket behind it
        remedy = f"write words that begin with '!' in quotes, '{found[1]}'"
    elif "\t" in lines.get(line, ""):
        remedy = "indent with spaces instead of tabs"
    else:
        remedy = "write lists as '- word', one a line, in quotes"
    return f"{place.at(line)} is not valid YAML ({error.problem or error.context}), expected parameters; {remedy}"


def _parameters(root: yaml.Node, place: _Place) -> Iterator[tuple[str, str, yaml.Node]]:
    """Yield the node's name with its namespace, and name and value of each parameter of every node in a file."""
    if not isinstance(root, yaml.MappingNode):
        raise ParameterError(
            f"{place.name} begins with no node's name, expected 'talk2dino:' and '{PARAMETERS_KEY}:' below it; add both"
        )
    yield from _of_nodes(root, "", place)


def _of_nodes(mapping: yaml.MappingNode, owner: str, place: _Place) -> Iterator[tuple[str, str, yaml.Node]]:
    for key, value in mapping.value:
        name, at = str(key.value), place.of(key)
        if name.startswith(PARAMETERS_KEY) and not owner:
            raise ParameterError(
                f"{at} has '{PARAMETERS_KEY}:' and no node's name, expected one above it, such as 'talk2dino:'; add "
                "it, and indent what is below"
            )
        if name.startswith(PARAMETERS_KEY):
            if isinstance(value, yaml.MappingNode):
                yield from ((owner, *parameter) for parameter in _named(value))
        elif isinstance(value, yaml.MappingNode):
            yield from _of_nodes(value, f"{owner}/{name}".replace("//", "/"), place)
        else:
            raise ParameterError(
                f"{at} has '{name}' right below a node's name, expected '{PARAMETERS_KEY}:' between them; add it, and "
                "indent what is below"
            )


def _named(mapping: yaml.MappingNode, prefix: str = "") -> Iterator[tuple[str, yaml.Node]]:
    for key, value in mapping.value:
        name = f"{prefix}{key.value}"
        yield name, value
        if isinstance(value, yaml.MappingNode):
            yield from _named(value, f"{name}.")


def _checked(name: str, node: yaml.Node, field: dataclasses.Field[Any], place: _Place) -> Value:
    """Return a value; raise ParameterError where ROS cannot read it, or reads another type than the parameter's."""
    default = to_ros(field.default)
    is_list = isinstance(node, yaml.SequenceNode)
    if is_list != isinstance(default, list):
        wanted = "a list" if isinstance(default, list) else "one value and no list"
        raise ParameterError(f"{place.of(node)} has {name}, expected {wanted} such as {default!r}; write it so")
    expected = KINDS[type(default[0] if isinstance(default, list) else default)]
    for item in node.value if is_list else [node]:
        kind = _kind(item, name, place)
        if kind != expected:
            is_text = expected == KINDS[str]
            remedy = f"write it in quotes, {_quoted(item.value)}" if is_text else f"write it like {json.dumps(default)}"
            raise ParameterError(
                f"{place.of(item)} has {item.value} in {name}, which ROS reads as {kind}, expected {expected}; {remedy}"
            )
    if isinstance(node, yaml.SequenceNode):
        return tuple(str(item.value) for item in node.value)  # all lists are of texts
    return value_of(str(node.value), expected)


def _kind(item: yaml.Node, name: str, place: _Place) -> str:
    at = place.of(item)
    if isinstance(item, yaml.MappingNode):
        text = ", ".join(f"{key.value}: {_scalar(value)}" for key, value in item.value)
        raise ParameterError(
            f"{at} has {text} in {name} without quotes, which YAML reads as a table, expected a text; write it in "
            f"quotes, {_quoted(text)}"
        )
    if isinstance(item, yaml.SequenceNode):
        raise ParameterError(f"{at} has a list inside of a list in {name}, expected values; write one list")
    if item.tag == STRING_TAG or item.style in ("'", '"'):
        return KINDS[str]
    if item.tag:
        text = f"{item.tag} {item.value}".strip()
        raise ParameterError(
            f"{at} has {text} in {name} without quotes, whose '!' has a meaning in YAML, expected a text; write it in "
            f"quotes, {_quoted(text)}"
        )
    if not item.value:
        raise ParameterError(f"{at} gives {name} no value, expected one; add it, an empty text as ''")
    return kind_of(item.value)


def _scalar(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else "…"


def _quoted(text: str) -> str:
    """Return a text as YAML quotes it."""
    return "'" + text.replace("'", "''") + "'"
