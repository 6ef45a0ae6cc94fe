# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory`: its actions (docs/memory.md)."""

import argparse
from typing import Any

from talk2dino_ros.cli.memory.memory_build import add_build_action
from talk2dino_ros.cli.memory.memory_export import add_export_action
from talk2dino_ros.cli.memory.memory_find import add_find_action
from talk2dino_ros.cli.memory.memory_info import add_info_action
from talk2dino_ros.cli.memory.memory_view import add_view_action


def add_memory_command(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declare the sub-command with its actions."""
    parser = commands.add_parser("memory", help="find what a robot has seen in a map, by any word")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add_build_action(actions)
    add_info_action(actions)
    add_find_action(actions)
    add_view_action(actions)
    add_export_action(actions)
