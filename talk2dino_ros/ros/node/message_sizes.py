# SPDX-License-Identifier: Apache-2.0
"""Bounds on messages whose lists Python reads entry by entry: some 40 us each, and nobody else has a turn meanwhile."""

from __future__ import annotations

from typing import Any

from rclpy.serialization import deserialize_message

from talk2dino_ros.engine.errors import Talk2DinoError

# of a serialized message, by the type's name; others hold their bulk in arrays of numbers, which are copied whole
MOST_BYTES = {
    "TFMessage": 131_072,  # some 1400 transforms
    "GoalStatusArray": 131_072,
    "TrackedObjectArray": 1_000_000,  # some 3000 objects; the segmenter follows 1000
    "DiagnosticArray": 1_000_000,
}


class MessageSizeError(Talk2DinoError):
    """A message that is too large to be read, or none at all."""


def is_bounded(message_type: type) -> bool:
    """Whether messages of a type have to be looked at before they are read."""
    return message_type.__name__ in MOST_BYTES


def read_bounded(message_type: type, serialized: bytes) -> Any:
    """Return the message; raise MessageSizeError where it is larger than MOST_BYTES, or cannot be read."""
    most = MOST_BYTES[message_type.__name__]
    if len(serialized) > most:
        raise MessageSizeError(
            f"it has {len(serialized)} bytes, expected at most {most} of a {message_type.__name__}; let its publisher "
            "send less at once"
        )
    try:
        return deserialize_message(serialized, message_type)
    except Exception as error:  # rclpy's RCLError is no public name, and a text that is no UTF-8 raises another
        raise MessageSizeError(
            f"its {len(serialized)} bytes are no {message_type.__name__}, expected a whole one; look at its publisher"
        ) from error
