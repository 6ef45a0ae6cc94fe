# SPDX-License-Identifier: Apache-2.0
"""The executable `memory`: the node of memory_node.py as a process."""

from __future__ import annotations

from importlib import import_module
from typing import NoReturn

from talk2dino_ros.ros.node.run_node import run_node


def main(args: list[str] | None = None) -> NoReturn:
    """Run the node until it is shut down; the process ends with 0, or with 1 where the start failed."""
    run_node("memory", lambda: import_module("talk2dino_ros.memory.memory_node").MemoryNode, args)


if __name__ == "__main__":
    main()
