# SPDX-License-Identifier: Apache-2.0
"""The executable `web`: the node of web_node.py as a process."""

from __future__ import annotations

import os
from importlib import import_module
from typing import NoReturn

from talk2dino_ros.ros.node.run_node import run_node

NICENESS = 10  # who looks must not slow who drives


def main(args: list[str] | None = None) -> NoReturn:
    """Run the node until it is shut down; the process ends with 0, or with 1 where the start failed."""
    os.nice(NICENESS)
    run_node("web", lambda: import_module("talk2dino_ros.web.robot.web_node").WebNode, args)


if __name__ == "__main__":
    main()
