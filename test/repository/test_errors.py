# SPDX-License-Identifier: Apache-2.0
"""The table of errors in engine/errors.py against the package: it has every class, its base and its file."""

import ast
import re
from pathlib import Path

from talk2dino_ros.engine import errors

PACKAGE = Path(__file__).resolve().parents[2] / "talk2dino_ros"
OUTSIDE = {  # named below the table, with the reason
    "DamagedRowError": ("Exception", "perception/memory/disk/sealed_rows"),
    "NotKnownError": ("Exception", "ros/tf/lookup"),
}


def listed() -> dict[str, tuple[str, str]]:
    """Base and file of each error in the table, by its name; a row without a fault is none."""
    found: dict[str, tuple[str, str]] = {}
    above: list[str] = []
    for row in re.findall(r"^( *)(\w+Error) +([\w/]+) +\S.*$", errors.__doc__ or "", re.MULTILINE):
        indent, name, file = row
        above = [*above[: len(indent) // 2], name]
        assert name not in found, row
        found[name] = (above[-2] if len(above) > 1 else "Exception", file)
    return found


def defined() -> dict[str, tuple[str, str]]:
    """Base and file of each exception class of the package, by its name."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and (node.name.endswith("Error") or "Exception" in bases_of(node)):
                assert node.name not in found, f"{node.name} stands twice"
                found[node.name] = (", ".join(bases_of(node)), path.relative_to(PACKAGE).with_suffix("").as_posix())
    return found


def bases_of(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(base) for base in node.bases]


def test_the_table_has_every_error_with_its_base_and_file() -> None:
    assert listed() | OUTSIDE == defined()
