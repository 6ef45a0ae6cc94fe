# SPDX-License-Identifier: Apache-2.0
"""Random messages and requests of any type, made from the type's fields; and near-right ones of the known types."""

from collections.abc import Callable
from importlib import import_module
from random import Random
from typing import Any

import numpy as np
from rclpy.serialization import serialize_message
from rosidl_parser.definition import (
    AbstractSequence,
    AbstractString,
    AbstractWString,
    Array,
    BasicType,
    BoundedSequence,
    NamespacedType,
)

from benchmarks.fuzz.message_subjects import FLOATS, MESSAGE_SUBJECTS, plain
from benchmarks.fuzz.mutations import mutated, text
from benchmarks.fuzz.request_subjects import REQUEST_SUBJECTS

BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
LONG = 100_000  # of a name; and of a list, where its entries are numbers
MANY = 2000  # entries of other lists
_MAKERS: dict[str, str] = {  # of subject by type
    "sensor_msgs/msg/Image": "image",
    "sensor_msgs/msg/CompressedImage": "compressed image",
    "sensor_msgs/msg/CameraInfo": "camera_info",
    "nav_msgs/msg/OccupancyGrid": "costmap",
    "talk2dino_msgs/msg/PatchFeatures": "patch features",
    "talk2dino_msgs/srv/SetVocabulary": "set_vocabulary request",
}


def type_of(name: str) -> Any:
    """Return the class of a type, such as sensor_msgs/msg/Image."""
    package, kind, short = name.split("/")
    module = import_module(f"{package}.{kind}")
    if kind != "action":
        return getattr(module, short)
    action, _, part = short.partition("_")  # what an action is made of, as the graph shows it
    found = getattr(module, action)
    return getattr(found, part, None) or getattr(found.Impl, part if part == "FeedbackMessage" else f"{part}Service")


def any_message(choice: Random, name: str) -> Any:
    """Return a message of a type, or a service type's request: near a right one, or anything at all."""
    if name in _MAKERS and choice.random() < 0.6:
        return _maker(_MAKERS[name])(choice)
    if name == "tf2_msgs/msg/TFMessage" and choice.random() < 0.7:
        transforms = _maker("TF")(choice) * (20_000 if choice.random() < 0.01 else 1)
        return type_of(name)(transforms=[transform for transform, _ in transforms])
    found = type_of(name)
    return filled(choice, getattr(found, "Request", found))


def _maker(subject: str) -> Callable[[Random], Any]:
    return next(each.make for each in (*MESSAGE_SUBJECTS, *REQUEST_SUBJECTS) if each.name == subject)


def as_bytes(choice: Random, message: Any) -> bytes:
    """Return a message as it goes over the network, damaged: texts that are no UTF-8, lengths that lie."""
    return mutated(choice, serialize_message(message))


def filled(choice: Random, cls: Any) -> Any:
    """Return a message of which every field is random; some stay as they are."""
    message = cls()
    names = list(cls.get_fields_and_field_types())
    for name, kind in zip(names, cls.SLOT_TYPES, strict=True):
        if choice.random() < 0.85:
            setattr(message, name, _value(choice, kind))
    return message


def _value(choice: Random, kind: Any) -> Any:
    if isinstance(kind, BasicType):
        return _number(choice, kind.typename)
    if isinstance(kind, AbstractString | AbstractWString):
        return "ab" * (LONG // 2) if choice.random() < 0.01 else plain(text(choice))
    if isinstance(kind, NamespacedType):
        return filled(choice, type_of("/".join((*kind.namespaces, kind.name))))
    if isinstance(kind, Array):
        return [_value(choice, kind.value_type) for _ in range(kind.size)]
    assert isinstance(kind, AbstractSequence)
    return _sequence(choice, kind)


def _sequence(choice: Random, kind: Any) -> Any:
    is_numbers = isinstance(kind.value_type, BasicType)
    most = LONG if is_numbers else MANY
    count = choice.choice((0, 1, 1, 2, 3, 8)) if choice.random() < 0.98 else most
    count = min(count, kind.maximum_size) if isinstance(kind, BoundedSequence) else count
    if is_numbers and count > 8:  # one number many times
        return [_value(choice, kind.value_type)] * count
    return [_value(choice, kind.value_type) for _ in range(count)]


def _number(choice: Random, name: str) -> Any:
    if name in ("float", "double"):
        number = choice.choice(FLOATS)
        with np.errstate(over="ignore"):
            return float(np.float32(number)) if name == "float" else number
    if name == "boolean":
        return choice.random() < 0.5
    if name in ("octet", "char"):
        return bytes([choice.randrange(256)]) if name == "octet" else choice.randrange(256)
    bits = BITS[name.removeprefix("u")]
    low, high = (0, 2**bits - 1) if name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return choice.choice((0, 1, 2, 3, 7, low, high, choice.randint(low, high)))
