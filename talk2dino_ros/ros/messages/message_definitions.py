# SPDX-License-Identifier: Apache-2.0
"""Definitions of the messages that are written without ROS: rosbags' own, and those of the .msg files it does not have.

The files are those of the interface packages: what pip installs with this package, what ROS has installed, or what lies
beside this package's sources.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import Talk2DinoError

# In this order, as each needs those before it.
DEFINED_ELSEWHERE = (
    "vision_msgs/msg/VisionClass",
    "vision_msgs/msg/LabelInfo",
    "talk2dino_msgs/msg/PointOfInterest",
    "talk2dino_msgs/msg/PointOfInterestArray",
    "talk2dino_msgs/msg/TrackedObject",
    "talk2dino_msgs/msg/TrackedObjectArray",
)
INSTALLED = Path(__file__).parent / "definitions"  # see setup.py
SOURCES = Path(__file__).resolve().parents[3]


class DefinitionError(Talk2DinoError):
    """A message's definition that is not where it should be, or rosbags, which reads it, is missing."""


@cache
def typestore() -> Any:
    """Return rosbags' types of ROS 2 with those of this package. Raises DefinitionError."""
    try:
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    except ImportError as error:
        raise DefinitionError(
            f"the Python package rosbags cannot be used ({error}), expected it to write bags; run `pip install rosbags`"
        ) from error
    types = get_typestore(Stores.ROS2_HUMBLE)  # what is used of these has never changed
    for name in DEFINED_ELSEWHERE:
        types.register(get_types_from_msg(definition_of(name), name))
    return types


def definition_of(name: str) -> str:
    """Return the text of a definition, such as of `talk2dino_msgs/msg/PointOfInterest`. Raises DefinitionError."""
    package, _, message = name.split("/")
    for folder in _folders(package):
        path = folder / f"{message}.msg"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise DefinitionError(
        f"the definition of {name} is neither in {INSTALLED} nor in a folder of AMENT_PREFIX_PATH, expected {message}"
        f".msg; install this package by pip, or source a workspace that has {package}"
    )


def _folders(package: str) -> Iterator[Path]:
    yield INSTALLED / package
    for prefix in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        yield Path(prefix) / "share" / package / "msg"
    yield SOURCES / package / "msg"
    yield SOURCES / "tools" / package / "msg"  # stubs, of which the fields are the real ones
