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


def test_every_file_that_is_linked_to_is_there():
    links = re.findall(r"\]\((?!https?://)([^)#]+)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
