# SPDX-License-Identifier: Apache-2.0
"""Message classes for a machine without ROS: fields and constants of ROS's own, and nothing else.

A field begins as zero or empty, also where its .msg gives another value (a quaternion's w).
"""

from __future__ import annotations

from array import array
from functools import cache
from typing import Any

from talk2dino_ros.ros.messages.message_definitions import typestore

CODES = {  # of array.array
    "uint8": "B", "int8": "b", "uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q", "int64": "q",
    "float32": "f", "float64": "d",
}  # fmt: skip
PLAIN = {"bool": False, "string": "", "byte": b"\x00", "float32": 0.0, "float64": 0.0}


class DefinedMessage:
    """Base of all these classes. TYPE: such as sensor_msgs/msg/Image. FIELDS: rosbags' description of each, by name."""

    TYPE: str
    FIELDS: dict[str, Any]

    def __init__(self, **values: Any) -> None:
        if unknown := set(values) - set(self.FIELDS):
            raise TypeError(f"{self.TYPE} has no {', '.join(sorted(unknown))}")
        for name, description in self.FIELDS.items():
            setattr(self, name, values[name] if name in values else _default(description))


@cache
def defined_class(name: str) -> Any:
    """Return the class for a type such as sensor_msgs/msg/Image."""
    constants, fields = typestore().fielddefs[name]
    values = {each: bytes([value]) if kind == "byte" else value for each, kind, value in constants}
    return type(name.rpartition("/")[2], (DefinedMessage,), {"TYPE": name, "FIELDS": dict(fields), **values})


def _default(description: tuple[Any, Any]) -> Any:
    from rosbags.interfaces import Nodetype

    kind, what = description
    if kind == Nodetype.NAME:
        return defined_class(what)()
    if kind == Nodetype.BASE:
        return PLAIN.get(what[0], 0)
    element, count = what
    if element[0] == Nodetype.BASE and element[1][0] in CODES:
        return array(CODES[element[1][0]], [0] * count)
    return [_default(element) for _ in range(count)]
