# SPDX-License-Identifier: Apache-2.0
"""A function's docstring begins with what it does, a verb: what ruff's D401 lets pass is found here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERB = re.compile(r"[A-Z][a-z]+[ ,;.:]")
NO_VERBS = re.compile(
    r"(A|All|An|As|At|Before|By|Each|Every|For|From|How|If|In|It|Its|No|Of|On|One|Or|That|The|There|These|This|Those|To"
    r"|Two|What|When|Where|Which|With|Without)\b"
)


def first_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield name and first line of the docstring of each function; a property's says what it is, as a class's."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            is_property = any("property" in ast.unparse(decorator) for decorator in node.decorator_list)
            docstring = ast.get_docstring(node)
            if docstring and not is_property:
                yield node.name, docstring.split("\n")[0]


def begins_with_a_verb(line: str) -> bool:
    return bool(VERB.match(line + " ")) and not NO_VERBS.match(line)


@pytest.mark.parametrize("folder", ["talk2dino_ros", "benchmarks", "tools"])
def test_a_functions_docstring_begins_with_a_verb(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}: {line}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name, line in first_lines(path)
        if not begins_with_a_verb(line)
    ]
    assert wrong == []


@pytest.mark.parametrize("line", ["The grid.", "`x` is kept.", "uint8 [H, W] of it.", "For each row its sum.", "12 MB"])
def test_a_line_without_a_verb_in_front_is_found(line: str) -> None:
    assert not begins_with_a_verb(line)


def test_a_line_that_says_what_is_done_is_good() -> None:
    assert begins_with_a_verb("Return the grid.")
    assert begins_with_a_verb("Whether it is there.")
