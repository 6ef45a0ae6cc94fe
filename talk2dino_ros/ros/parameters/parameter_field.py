# SPDX-License-Identifier: Apache-2.0
"""Declaration of one parameter: a dataclass field with text and range, and its ROS descriptor."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rcl_interfaces.msg import ParameterDescriptor

NODE_NAME = re.compile(r"/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*\Z")  # relative or absolute
Value = bool | int | float | str | tuple[str, ...]


def parameter(
    default: Value,
    text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    beside: float | None = None,
    choices: tuple[str | int, ...] = (),
    live: bool = False,
) -> Any:
    """Make the field of one parameter.

    low, high: its range, both ends included; beside: a value outside of the range with a meaning of its own.
    choices: all values that are allowed. live: whether it can change while the node is configured.
    """
    metadata = {"text": text, "low": low, "high": high, "beside": beside, "choices": choices, "live": live}
    return dataclasses.field(default=default, metadata=metadata)


def expectation(field: dataclasses.Field[Any]) -> str:
    """Say which values are allowed; empty where all of the type are."""
    metadata = field.metadata
    if metadata["choices"]:
        return " or ".join(str(choice) or "''" for choice in metadata["choices"])
    beside = "" if metadata["beside"] is None else f"{metadata['beside']} or "
    return "" if metadata["low"] is None else f"{beside}{metadata['low']} to {metadata['high']}"


def is_allowed(field: dataclasses.Field[Any], value: Any) -> bool:
    """Whether a value of the right type is in the parameter's range."""
    metadata = field.metadata
    if metadata["choices"]:
        return value in metadata["choices"]
    if metadata["low"] is None:
        return True
    return bool(value == metadata["beside"] or metadata["low"] <= value <= metadata["high"])  # NaN is not


def descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    """Make what `ros2 param describe` shows; ROS itself then holds the outermost values of the range."""
    from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

    low, high, beside = (field.metadata[key] for key in ("low", "high", "beside"))
    lowest = low if beside is None else min(low, beside)
    description = ParameterDescriptor(name=field.name, description=field.metadata["text"])
    when = "can change while running" if field.metadata["live"] else "needs a reconfigure"
    description.additional_constraints = "; ".join(filter(None, [expectation(field), when]))
    if isinstance(field.default, float):
        description.floating_point_range = [FloatingPointRange(from_value=lowest, to_value=high)]
    elif low is not None:
        description.integer_range = [IntegerRange(from_value=lowest, to_value=high)]
    return description


def from_ros(value: Any) -> Any:
    """Turn a ROS parameter's value into a field's: arrays become tuples."""
    return tuple(value) if isinstance(value, (list, tuple)) else value


def to_ros(value: Any) -> Any:
    """Turn a field's value into a ROS parameter's."""
    return list(value) if isinstance(value, tuple) else value
