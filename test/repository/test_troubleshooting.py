# SPDX-License-Identifier: Apache-2.0
"""Every sentence that docs/troubleshooting.md quotes is one that a program says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
PLACE = "…"
# "`a sentence`" at the beginning of a row, or behind "then"; names of parameters and files are shorter
QUOTED = re.compile(r"^\| (?:the same, then |.*` then )?`([^`]{25,})`", re.MULTILINE)


def templates(tree: ast.AST) -> Iterator[str]:
    """Yield each text of a module as it is said, with PLACE for what is put in; no docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else PLACE for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield re.sub(r"%s|\{[^{}]*\}", PLACE, node.value)


@pytest.fixture(scope="module")
def said():
    """All texts of the package, a line each."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "talk2dino_ros").rglob("*.py")))
    return "\n".join(text.replace("\n", " ").replace("`", "'") for tree in trees for text in templates(tree))


def test_the_page_quotes_more_than_50_sentences():
    assert len(QUOTED.findall(TEXT)) > 50


@pytest.mark.parametrize("sentence", QUOTED.findall(TEXT), ids=lambda sentence: sentence[:40])
def test_a_quoted_sentence_is_one_that_the_programs_say(sentence, said):
    parts = [re.escape(part) for part in sentence.split(PLACE)]
    assert re.search("[^\n]*?".join(parts), said), sentence


def alarms_in_code() -> set[tuple[str, str]]:
    """Watchdog and level of each alarm that the package raises; the level is '' where facts decide."""
    found = set()
    for path in (ROOT / "talk2dino_ros").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Alarm":
                watchdog, level = node.args[:2]
                assert isinstance(watchdog, ast.Constant), f"{path}:{node.lineno} has a watchdog without a name"
                is_fixed = isinstance(level, ast.Attribute) and getattr(level.value, "id", "") == "AlarmLevel"
                found.add((watchdog.value, level.attr if is_fixed else ""))
    return found


def test_the_page_has_each_watchdog_with_its_level_and_no_other():
    section = TEXT.partition("## What /diagnostics warns of\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?:`[^`]*`|[^|]*) \| ([a-z ]+) \| ((?:WARN|ERROR)[^|]*) \|", section, re.MULTILINE)
    in_code = alarms_in_code()
    assert {name for name, _ in rows} == {name for name, _ in in_code}
    assert {(name, level if level in ("WARN", "ERROR") else "") for name, level in rows} == in_code
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    assert len(lines) == len(rows) + section.count("|---|---|---|---|")  # no row is read past


def test_every_file_that_is_linked_to_is_there():
    links = re.findall(r"\]\((?!https?://)([^)#]+)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
