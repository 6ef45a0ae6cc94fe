# SPDX-License-Identifier: Apache-2.0
"""For a robot with Nav2: segmenter and goal node, started and stopped by Nav2's lifecycle manager (docs/nav2.md).

The arguments are those of go_to.launch.py; include this file in your own bring-up, or start it beside Nav2.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

HERE = Path(__file__).parent
NAV2 = HERE.parent / "config" / "nav2_manager.yaml"
ARGUMENTS = (
    ("namespace", "", "Namespace of all three nodes."),
    ("use_namespaced_tf", "true", "true: use tf and tf_static in the namespace, as Nav2's bring-up does."),
)


def generate_launch_description():
    nodes = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(HERE / "go_to.launch.py")),
        launch_arguments={
            "autostart": "false",
            "use_namespaced_tf": LaunchConfiguration("use_namespaced_tf"),
        }.items(),
    )
    manager = Node(
        package="nav2_lifecycle_manager",
        executable="lifecycle_manager",
        name="lifecycle_manager_talk2dino",
        namespace=LaunchConfiguration("namespace"),
        parameters=[str(NAV2)],
        output="screen",
    )
    declared = [DeclareLaunchArgument(name, default_value=value, description=text) for name, value, text in ARGUMENTS]
    return LaunchDescription([*declared, manager, nodes])  # Nav2 first, as it may not be installed
