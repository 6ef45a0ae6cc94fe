# SPDX-License-Identifier: Apache-2.0
"""A node's parameters as one frozen dataclass: declared from its fields, read into an instance, changed by rules.

A field made by `parameter_field.parameter` is a parameter, its metadata is what `ros2 param describe` shows, and a
read-out of the node is an instance. `Values` is the base of such a class.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.parameters.parameter_field import (
    Value,
    descriptor,
    expectation,
    from_ros,
    is_allowed,
    parameter,
    to_ros,
)
from talk2dino_ros.ros.parameters.ros_values import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rclpy.node import Node

    Fields = Mapping[str, dataclasses.Field[Any]]

MOST_CHARACTERS = 100_000  # of a parameter's texts; 255 classes with some prompts each have less
RECONFIGURE = "deactivate and clean up the node, set the parameter, then configure and activate it"


class ParameterError(Talk2DinoError):
    """A parameter's value, or changing it now, is not allowed; the old value stays."""


@dataclasses.dataclass(frozen=True)
class Values:
    """The base of a node's table of parameters; making one checks each value."""

    # Parameters that can also be changed by other means, and how: said where a change comes at the wrong moment.
    OTHER_WAYS: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_value(field, getattr(self, field.name))


@dataclasses.dataclass(frozen=True)
class NodeValues(Values):
    """What each lifecycle node's table has."""

    diagnostics_period_s: float = parameter(1.0, "Publishing period of /diagnostics.", low=0.1, high=3600.0)
    autostart: bool = parameter(
        True,
        "Configure and activate at the start; false: a lifecycle manager does. Read at the start only.",
    )


V = TypeVar("V", bound=Values)
COMMON = frozenset(field.name for field in dataclasses.fields(NodeValues))


def fields_of(table: type[Values]) -> dict[str, dataclasses.Field[Any]]:
    """Return the table's fields by name, in the order of declaration; those that each node has come last."""
    return {field.name: field for field in sorted(dataclasses.fields(table), key=lambda field: field.name in COMMON)}


def check_changes(changes: Mapping[str, Value], current: V, *, configured: bool) -> V:
    """Return the parameters after the changes; names that are not the table's are passed over.

    Raises ParameterError where a value is out of range, or where the node is configured and a parameter
    that is not live would change.
    """
    fields = fields_of(type(current))
    ours: dict[str, Any] = {name: value for name, value in changes.items() if name in fields}
    after = dataclasses.replace(current, **ours)
    for name, value in ours.items():
        if configured and not fields[name].metadata["live"] and value != getattr(current, name):
            other = current.OTHER_WAYS.get(name, "")
            raise ParameterError(
                f"{name} cannot become {value!r} while the node is configured, as it is not a live parameter: "
                f"{other}{RECONFIGURE}"
            )
    return after


def declare(node: Node, table: type[Values]) -> None:
    """Declare every parameter on the node; raise ParameterError where a start value is not allowed."""
    from rclpy.exceptions import ParameterException

    for name, field in fields_of(table).items():
        try:
            node.declare_parameter(name, to_ros(field.default), descriptor(field))
            node.get_parameter(name)  # an empty list in a params file leaves the parameter without a value
        except ParameterException as error:
            raise ParameterError(_wrong_start(field, str(error))) from error


def unknown_names(node: Node, table: type[Values]) -> list[str]:
    """Return a warning for each start value that no parameter has taken."""
    overrides = getattr(node, "_parameter_overrides", {})  # rclpy has no public way to them
    unknown = [name for name in overrides if not node.has_parameter(name) and not name.startswith("qos_")]
    names = list(fields_of(table))
    return [
        f"the start value for {name!r} has no effect, expected a name such as "
        f"{(difflib.get_close_matches(name, names, cutoff=0.0) or names)[0]!r}; correct or remove it"
        for name in unknown
    ]


def read(node: Node, table: type[V]) -> V:
    """Read all parameters of the node; raise ParameterError where they do not fit together."""
    return table(**{name: from_ros(node.get_parameter(name).value) for name in fields_of(table)})


def _check_value(field: dataclasses.Field[Any], value: Any) -> None:
    texts = [text for text in (value if isinstance(value, tuple) else (value,)) if isinstance(text, str)]
    length = sum(map(len, texts))
    if length > MOST_CHARACTERS:
        raise ParameterError(f"{field.name} has {length} characters, expected at most {MOST_CHARACTERS}; shorten it")
    if any("\0" in text for text in texts):
        raise ParameterError(f"{field.name} holds a NUL, which no name and no path has; write it without")
    if type(value) is not type(field.default):
        raise ParameterError(f"{field.name} is {value!r}, expected a value like {to_ros(field.default)!r}; set it so")
    if not is_allowed(field, value):
        raise ParameterError(f"{field.name} is {value!r}, expected {expectation(field)}; set it so")


def _wrong_start(field: dataclasses.Field[Any], reason: str) -> str:
    example = to_ros(field.default)
    kind = "a list" if isinstance(example, list) else KINDS[type(example)]
    allowed = f" from {expectation(field)}" if expectation(field) else ""
    reason = reason.removesuffix(f": {field.name}")
    return (
        f"{field.name} cannot start with its value ({reason}), expected {kind}{allowed} such as "
        f"{json.dumps(example)}; write it so"
    )
