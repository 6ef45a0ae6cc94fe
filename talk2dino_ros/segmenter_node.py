# SPDX-License-Identifier: Apache-2.0
"""The executable `segmenter`: start the node of lifecycle_node.py, serve it, and end with the right exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from talk2dino_ros.engine.errors import Talk2DinoError

if TYPE_CHECKING:
    from talk2dino_ros.lifecycle_node import SegmenterNode

REMEDIES = {
    "rclpy": "source a ROS 2 installation (source /opt/ros/<distro>/setup.bash)",
    "talk2dino_msgs": (
        "build both packages (colcon build --base-paths . talk2dino_msgs) and source install/setup.bash"
    ),
    "vision_msgs": "install it (apt install ros-<distro>-vision-msgs)",
}


class StartError(Talk2DinoError):
    """The program cannot start in this environment."""


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to end; return 0, or 1 where the start failed."""
    try:
        return _run(args)
    except KeyboardInterrupt:
        return 0
    except Talk2DinoError as error:
        print(f"talk2dino: {error}", file=sys.stderr)
        return 1


def _run(args: list[str] | None) -> int:
    node_type = _import_node()
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    rclpy.init(args=args)
    node: SegmenterNode | None = None
    try:
        node = node_type()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        if node.autostart and not node.start():
            return int(rclpy.ok())  # Ctrl-C while loading is no failure
        executor.spin()
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


def _import_node() -> type[SegmenterNode]:
    """Import what needs ROS; say in one sentence which package is missing."""
    try:
        from talk2dino_ros.lifecycle_node import SegmenterNode
    except ImportError as error:  # no ModuleNotFoundError where the sources' folder of that name is in the way
        missing = (error.name or "").split(".")[0]
        if missing not in REMEDIES:
            raise
        raise StartError(f"the Python package {missing} is missing; {REMEDIES[missing]}") from error
    return SegmenterNode


if __name__ == "__main__":
    sys.exit(main())
