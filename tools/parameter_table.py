# SPDX-License-Identifier: Apache-2.0
"""Write docs/parameters.md and the parameter files from the one declaration: `python -m tools.parameter_table`."""

import dataclasses
import json
import textwrap
from pathlib import Path
from typing import Any

from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.memory.memory_parameters import MemoryParameters
from talk2dino_ros.ros.parameters.parameter_field import expectation, to_ros
from talk2dino_ros.ros.parameters.parameter_set import fields_of
from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS
from talk2dino_ros.web.robot.web_parameters import WebParameters

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "parameters.md"
FILES = {
    "segmenter.yaml": FIELDS,
    "goal.yaml": fields_of(GoalParameters),
    "memory.yaml": fields_of(MemoryParameters),
    "web.yaml": fields_of(WebParameters),
}
BEGIN = "<!-- {name}: written by tools/parameter_table.py -->\n\n"
END = "<!-- end of {name} -->"
YAML_START = "  ros__parameters:\n"
INDENT, LINE_LENGTH = " " * 4, 120


def table(fields: dict[str, dataclasses.Field[Any]]) -> str:
    """Return the parameters as a table in Markdown, one row per parameter."""
    rows = ["| name | default | live | |", "|---|---|---|---|"]
    for name, field in fields.items():
        default = to_ros(field.default)
        shown = f"`{default!r}`" if not isinstance(default, bool) else f"`{str(default).lower()}`"
        allowed = f" ({expectation(field)})" if expectation(field) else ""
        live = "live" if field.metadata["live"] else ""
        rows.append(f"| `{name}` | {shown} | {live} | {field.metadata['text']}{allowed} |")
    return "\n".join(rows)


def with_tables(text: str) -> str:
    """Return the page's text with the table of each parameter file as it should be."""
    for name, fields in FILES.items():
        before, rest = text.split(BEGIN.format(name=name))
        end = END.format(name=name)
        text = f"{before}{BEGIN.format(name=name)}{table(fields)}\n\n{end}{rest.split(end)[1]}"
    return text


def yaml_rows(fields: dict[str, dataclasses.Field[Any]]) -> str:
    """Return the parameters with their defaults and explanations, as a parameter file has them."""
    return "".join(f"{_comment(field)}\n{INDENT}{name}: {_value(field.default)}\n" for name, field in fields.items())


def with_rows(text: str, fields: dict[str, dataclasses.Field[Any]]) -> str:
    """Return the parameter file's text with the rows as they should be."""
    return text.split(YAML_START, maxsplit=1)[0] + YAML_START + yaml_rows(fields)


def _comment(field: dataclasses.Field[Any]) -> str:
    metadata = field.metadata
    names_them = all(str(choice) in metadata["text"] for choice in metadata["choices"]) and metadata["choices"]
    allowed = "" if names_them or metadata["beside"] is not None else expectation(field).replace(" or ", ", ")
    parts = [metadata["text"], f"Allowed: {allowed}." if allowed else "", "(live)" if metadata["live"] else ""]
    lines = textwrap.wrap(" ".join(filter(None, parts)), LINE_LENGTH - len(INDENT) - 2, break_on_hyphens=False)
    return "\n".join(f"{INDENT}# {line}" for line in lines)


def _value(default: Any) -> str:
    return json.dumps(to_ros(default))


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for name, fields in FILES.items():
        file = ROOT / "config" / name
        file.write_text(with_rows(file.read_text(encoding="utf-8"), fields), encoding="utf-8")
