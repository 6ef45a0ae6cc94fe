# SPDX-License-Identifier: Apache-2.0
"""The arguments of the MCP server, for `talk2dino mcp` and `ros2 run talk2dino_ros mcp`."""

from __future__ import annotations

import argparse

from talk2dino_ros.agents.permissions import Permissions
from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.class_entries import parse_class, shorten
from talk2dino_ros.engine.text.class_syntax import split_classes

DESCRIPTION = (
    "Serve what the robot sees and remembers to a language model, through MCP over stdin and stdout (docs/agents.md)."
)


def add_mcp_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--namespace", default="", help="namespace of the nodes, such as /robot1")
    for name, default in (("segmenter", "talk2dino"), ("goal", "goal"), ("memory", "memory")):
        parser.add_argument(f"--{name}", default=default, metavar="NODE", help=f"name of the node (default: {default})")
    parser.add_argument(
        "--allow-go-to",
        default="",
        metavar="WORDS",
        help='what the robot may be sent to without asking, such as "cup; door"; without this and --confirm-go-to '
        "there is no go_to",
    )
    parser.add_argument(
        "--confirm-go-to",
        action="store_true",
        help="ask a person, through the client, before the robot is sent to anything else",
    )
    parser.add_argument(
        "--allow-set-words",
        action="store_true",
        help="let words be changed without asking a person; masks change, and so do costmaps made from them",
    )


def permissions_of(options: argparse.Namespace) -> Permissions:
    """Return the agent's limits; raise VocabularyError where a word of the list could be none, or is none to go to."""
    words = tuple(map(_word, split_classes(options.allow_go_to)))
    return Permissions(words, options.confirm_go_to, options.allow_set_words)


def _word(text: str) -> str:
    entry = parse_class(text)
    if not entry.is_labelled:
        raise VocabularyError(
            f"--allow-go-to has the word {shorten(text)}, expected one without a mark, as a robot is sent to no "
            f"distractor and to no question; write {shorten(entry.text[1:])}"
        )
    return entry.text
