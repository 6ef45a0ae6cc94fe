# SPDX-License-Identifier: Apache-2.0
"""For a robot with Nav2: segmenter, goal node and, on demand, memory, managed by Nav2's own manager (docs/nav2.md).

The arguments are those of go_to.launch.py; include this file in your own bring-up, or start it beside Nav2.
"""

from pathlib import Path

import yaml
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from talk2dino_ros.ros.parameters.launch_arguments import check_files, installed, switch

HERE = Path(__file__).parent
NAV2 = HERE.parent / "config" / "nav2_manager.yaml"
NODES = yaml.safe_load(NAV2.read_text())["/**/lifecycle_manager_talk2dino"]["ros__parameters"]["node_names"]
ARGUMENTS = (
    ("namespace", "", "Namespace of the nodes and their relative topics; empty: none."),
    ("memory", "false", "true: also start the node memory, which finds what was seen earlier."),
    ("use_namespaced_tf", "true", "true: use tf and tf_static in the namespace, as Nav2's bring-up does."),
)


def generate_launch_description():
    go_to = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(HERE / "go_to.launch.py")),
        launch_arguments={
            "autostart": "false",
            "memory": LaunchConfiguration("memory"),
            "use_namespaced_tf": LaunchConfiguration("use_namespaced_tf"),
        }.items(),
    )
    declared = [DeclareLaunchArgument(name, default_value=value, description=text) for name, value, text in ARGUMENTS]
    manager = OpaqueFunction(function=start)
    return LaunchDescription([*declared, manager, go_to])


def start(context):
    return nodes(context.launch_configurations, context.environment)


def nodes(given, environment):
    check_files(["go_to"], HERE, given, environment)
    # the file's nodes, and the one that is there on demand
    with_memory = [{"node_names": [*NODES, "memory"]}] if switch("memory", given["memory"]) else []
    node = {"executable": "lifecycle_manager", "name": "lifecycle_manager_talk2dino", "namespace": given["namespace"]}
    where = {"package": installed("nav2_lifecycle_manager"), "output": "screen"}
    return [Node(parameters=[str(NAV2), *with_memory], **where, **node)]
