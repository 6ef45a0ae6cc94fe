# SPDX-License-Identifier: Apache-2.0
"""Write the README's table of parameters from their one declaration: `python tools/parameter_table.py`."""

from pathlib import Path

from talk2dino_ros.parameter_field import expectation
from talk2dino_ros.parameters import FIELDS

README = Path(__file__).parent.parent / "README.md"
BEGIN = "<!-- parameters: written by tools/parameter_table.py -->"
END = "<!-- end of parameters -->"


def table() -> str:
    """The table in Markdown, one row per parameter."""
    rows = ["| name | default | live | |", "|---|---|---|---|"]
    for name, field in FIELDS.items():
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        shown = f"`{default!r}`" if not isinstance(default, bool) else f"`{str(default).lower()}`"
        allowed = f" ({expectation(field)})" if expectation(field) else ""
        live = "live" if field.metadata["live"] else ""
        rows.append(f"| `{name}` | {shown} | {live} | {field.metadata['text']}{allowed} |")
    return "\n".join(rows)


def with_table(text: str) -> str:
    """The README's text with the table as it should be."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
