# SPDX-License-Identifier: Apache-2.0
"""Whether a bag's own definitions of ROS's message types are ROS's: a damaged one gives messages of other fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Definitions = Mapping[str, tuple[Any, list[tuple[str, Any]]]]  # rosbags' fielddefs: constants, and name with type


def differing_field(kind: str, found: Definitions, known: Definitions) -> str:
    """Return the first field of a type, such as `header.frame_id`, that `found` has not as `known`; "" for none.

    Of a type that `known` has not nothing is said.
    """
    own = dict(found[kind][1]) if kind in found else {}
    for name, described in known[kind][1] if kind in known else ():
        if own.get(name) != described:
            return name
        for inner in _types_in(described):
            if field := differing_field(inner, found, known):
                return f"{name}.{field}"
    return ""


def _types_in(described: Any) -> Iterator[str]:
    """Yield the names of message types in a field's: rosbags nests (kind, argument), and types have slashes."""
    if isinstance(described, str) and "/" in described:
        yield described
    elif isinstance(described, tuple):
        for part in described:
            yield from _types_in(part)
