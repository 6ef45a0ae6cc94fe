# SPDX-License-Identifier: Apache-2.0
"""What the programs tell a person to do can be done: each command, option, page and make target named exists."""

import argparse
import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from talk2dino_ros.cli.command_line import make_parser

ROOT = Path(__file__).parents[2]


def texts() -> Iterator[str]:
    """Yield each text of the package, with X for what is put in."""
    for path in [*(ROOT / "talk2dino_ros").rglob("*.py"), *(ROOT / "launch").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


TEXT = "\n\n".join(texts())
COMMANDS = sorted(set(re.findall(r"`talk2dino ([^`\n]+)`", TEXT)))


def actions_of(parser: argparse.ArgumentParser, kind: type) -> list[argparse.Action]:
    return [action for action in parser._actions if isinstance(action, kind)]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_that_is_named_exists_with_its_options(command: str) -> None:
    parser, words = make_parser(), shlex.split(command)
    while words and (choices := actions_of(parser, argparse._SubParsersAction)):
        assert words[0] in choices[0].choices, command
        parser = choices[0].choices[words.pop(0)]
    given = [word for word in words if word.startswith("-")]
    assert [word for word in given if word not in parser._option_string_actions] == [], command
    is_whole = bool(words) and given != ["--help"]  # else the command is only named
    needed = [action for action in parser._actions if action.required and action.option_strings]
    if is_whole:
        assert [action for action in needed if not set(action.option_strings) & set(given)] == [], command


def test_commands_are_named_at_all() -> None:
    assert len(COMMANDS) > 20


def test_each_page_that_is_named_exists() -> None:
    pages = set(re.findall(r"\bdocs/\w+\.md", TEXT))
    assert len(pages) > 5
    assert [page for page in sorted(pages) if not (ROOT / page).is_file()] == []


def test_each_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"`make (\w[\w-]*)", TEXT))
    assert targets
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [target for target in sorted(targets) if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
