# SPDX-License-Identifier: Apache-2.0
"""What `ros2 launch … --show-args` tells a stranger, read from the launch files without launch."""

import ast
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[2] / "launch").glob("*.launch.py"))


def descriptions(file: Path) -> dict[str, tuple[str, str]]:
    """Default (of a path made at run time its source) and description of each argument that the file declares."""
    statements = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.Assign)]
    (table,) = [node.value for node in statements if ast.unparse(node.targets[0]) == "ARGUMENTS"]
    rows = [row.elts for row in table.elts]
    return {
        name.value: (default.value if isinstance(default, ast.Constant) else ast.unparse(default), text.value)
        for name, default, text in rows
    }


ARGUMENTS = [(file.name, name, *rest) for file in FILES for name, rest in descriptions(file).items()]


def test_the_five_launch_files_are_read():
    assert len(FILES) == 5
    assert len({name for _, name, _, _ in ARGUMENTS}) > 25


@pytest.mark.parametrize(
    ("file", "name", "text"), [(file, name, text) for file, name, default, text in ARGUMENTS if default == ""]
)
def test_an_argument_that_may_be_empty_says_what_happens_then(file, name, text):
    assert "; empty: " in text, f"{file} {name}: {text}"


@pytest.mark.parametrize(("file", "name", "text"), [(file, name, text) for file, name, _, text in ARGUMENTS])
def test_a_description_is_a_line_that_ends_with_a_full_stop(file, name, text):
    assert text.endswith("."), f"{file} {name}: {text}"
    assert "\n" not in text
