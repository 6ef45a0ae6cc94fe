# SPDX-License-Identifier: Apache-2.0
"""Read JSON and YAML of any origin: whatever the text holds, the result is bounded or the error is a ValueError."""

import json
import math
from typing import Any, NoReturn

import yaml

MOST_YAML = 1 << 20  # characters; PyYAML reads about a megabyte in ten seconds
MOST_NODES = 20_000  # values of a YAML text, of which PyYAML makes some 30,000 a second
_DEEPEST = 50  # lists and tables within each other


def parse_json(text: str | bytes, *, finite: bool = True) -> Any:
    """Return the value of a JSON text. Raises ValueError.

    finite: refuse numbers that no float holds (1e999, Infinity, NaN), which our own results may have.
    """
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_refused) if finite else json.loads(text)
    except RecursionError as error:
        raise ValueError("brackets stand within each other too deeply") from error


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML text in plain types. Raises ValueError.

    An alias is refused: a few of them within each other make a few bytes a thousand million values.
    """
    if len(text) > MOST_YAML:
        raise ValueError(f"it has {len(text)} characters, and at most {MOST_YAML} are read")
    try:
        return yaml.load(text, _BoundedLoader)
    except Exception as error:  # PyYAML meets garbage with whatever it stumbles over, IndexError and TypeError too
        raise ValueError(" ".join(str(error).split()) or repr(error)) from error


class BoundedComposer:
    """Part of a loader of PyYAML, which makes it neither repeat a value nor go deep, nor on and on.

    ALIAS: why an alias is refused.
    """

    ALIAS = "which is not read"
    _depth = 0
    _nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose as PyYAML does; raise MarkedYAMLError."""
        event = self.peek_event()  # type: ignore[attr-defined]
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem=f"'*{event.anchor}' is an alias, {self.ALIAS}", problem_mark=event.start_mark
            )
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise yaml.MarkedYAMLError(
                problem=f"more than {MOST_NODES} values stand in it", problem_mark=event.start_mark
            )
        self._depth += 1
        if self._depth > _DEEPEST:
            raise yaml.MarkedYAMLError(
                problem=f"more than {_DEEPEST} lists and tables stand within each other", problem_mark=event.start_mark
            )
        node = super().compose_node(parent, index)  # type: ignore[misc]
        self._depth -= 1
        return node


class _BoundedLoader(BoundedComposer, yaml.SafeLoader):
    """PyYAML's safe loader, bounded."""


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refused(text)


def _refused(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is no number that can be counted with")
