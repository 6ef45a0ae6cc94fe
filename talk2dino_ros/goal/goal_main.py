# SPDX-License-Identifier: Apache-2.0
"""The executable `goal`: the node of goal_node.py as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from talk2dino_ros.ros.node.run_node import run_node

if TYPE_CHECKING:
    from talk2dino_ros.goal.goal_node import GoalNode


def main(args: list[str] | None = None) -> NoReturn:
    """Run the node until it is shut down; the process ends with 0, or with 1 where the start failed."""
    run_node("goal", _import_node, args)


def _import_node() -> type[GoalNode]:
    from talk2dino_ros.goal.goal_node import GoalNode

    return GoalNode


if __name__ == "__main__":
    main()
