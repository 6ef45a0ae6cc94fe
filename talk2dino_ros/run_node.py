# SPDX-License-Identifier: Apache-2.0
"""What this package's executables share: start a managed node, serve it, and end with the right exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from talk2dino_ros.engine.errors import Talk2DinoError

if TYPE_CHECKING:
    from talk2dino_ros.managed_node import ManagedNode

REMEDIES = {
    "rclpy": "source a ROS 2 installation (source /opt/ros/<distro>/setup.bash)",
    "nav_msgs": "install it (apt install ros-<distro>-nav-msgs)",
    "talk2dino_msgs": (
        "build both packages (colcon build --base-paths . talk2dino_msgs) and source install/setup.bash"
    ),
    "tf2_msgs": "install it (apt install ros-<distro>-tf2-msgs)",
    "vision_msgs": "install it (apt install ros-<distro>-vision-msgs)",
}


class StartError(Talk2DinoError):
    """The program cannot start in this environment."""


def run_node(name: str, import_node: Callable[[], Callable[[], ManagedNode]], args: list[str] | None) -> int:
    """Run a node until it is told to end; return 0, or 1 where the start failed.

    name: what error messages begin with. import_node: imports and returns the node's class, which is what needs ROS.
    """
    try:
        return _run(name, _node_type(import_node), args)
    except KeyboardInterrupt:
        return 0
    except StartError as error:
        return _failed(name, error)


def _failed(name: str, error: Talk2DinoError) -> int:
    print(f"{name}: {error}", file=sys.stderr, flush=True)
    return 1


def _run(name: str, node_type: Callable[[], ManagedNode], args: list[str] | None) -> int:
    import rclpy

    from talk2dino_ros.enduring_executor import EnduringExecutor

    rclpy.init(args=args)
    node: ManagedNode | None = None
    try:
        node = node_type()
        executor = EnduringExecutor(node.note_fault)
        executor.add_node(node)
        if node.autostart and not node.start():
            return int(rclpy.ok())  # Ctrl-C while starting is no failure
        executor.spin()
    except Talk2DinoError as error:
        return _failed(name, error)  # said before DDS is taken down, which can take its time
    except Exception:
        if rclpy.ok():
            raise
        # Ctrl-C has ended the ROS context; whatever was being published just then failed for that reason
    finally:
        if node is not None:
            node.stop()
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _node_type(import_node: Callable[[], Callable[[], ManagedNode]]) -> Callable[[], ManagedNode]:
    """Import what needs ROS; say in one sentence which package is missing."""
    try:
        return import_node()
    except ImportError as error:  # no ModuleNotFoundError where the sources' folder of that name is in the way
        missing = (error.name or "").split(".")[0]
        if missing not in REMEDIES:
            raise
        raise StartError(f"the Python package {missing} is missing; {REMEDIES[missing]}") from error
