# SPDX-License-Identifier: Apache-2.0
"""`talk2dino mcp`: the robot's eyes and words for a language model (docs/agents.md)."""

from __future__ import annotations

import argparse
from typing import Any

from talk2dino_ros.agents.mcp_arguments import DESCRIPTION, add_mcp_arguments


def add_mcp_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Declare the sub-command."""
    parser = commands.add_parser(
        "mcp", help="serve a language model through MCP, over stdin and stdout", description=DESCRIPTION
    )
    add_mcp_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Serve until the client goes."""
    from talk2dino_ros.agents.mcp_main import serve

    serve(options)
