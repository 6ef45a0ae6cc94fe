# SPDX-License-Identifier: Apache-2.0
"""Start the segmenter and the goal node, and the memory on demand.

The segmenter's arguments are those of segment.launch.py, the memory's those of memory.launch.py.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetLaunchConfiguration,
)
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from talk2dino_ros.ros.parameters.launch_arguments import (
    check_files,
    enclave_arguments,
    existing_file,
    overrides,
    switch,
    tf_remappings,
)

HERE = Path(__file__).parent
OVERRIDES = {"goal_frame": str, "base_frame": str, "autostart": bool, "use_sim_time": bool}
ARGUMENTS = (
    ("goal_params_file", f"{HERE.parent}/config/goal.yaml", "Parameter file of the node goal."),
    (
        "goal_frame",
        "",
        "Frame of the goals: the planner's global frame, such as map or odom; empty: the parameter file's.",
    ),
    ("base_frame", "", "Robot base frame, such as base_link; empty: the parameter file's."),
    (
        "target_frame",
        "odom",
        "Frame in which objects are tracked: a fixed one, such as odom or map; with the memory the map's.",
    ),
    (
        "objects",
        "",
        "Topic of the tracked objects, such as talk2dino/front/objects for a named camera; "
        "empty: talk2dino/objects, in the namespace.",
    ),
    ("memory", "false", "true: also start the node memory, which finds what was seen earlier."),
    ("costmap", "", "Topic of a nav_msgs/OccupancyGrid, such as map; empty: costmap, in the namespace."),
)


def generate_launch_description():
    declared = [DeclareLaunchArgument(name, default_value=value, description=text) for name, value, text in ARGUMENTS]
    segment = IncludeLaunchDescription(PythonLaunchDescriptionSource(f"{HERE}/segment.launch.py"))
    remember = IncludeLaunchDescription(PythonLaunchDescriptionSource(f"{HERE}/memory.launch.py"))
    # one page is enough: the segmenter's launch file starts it
    memory = GroupAction(
        [SetLaunchConfiguration("web", "false"), remember], condition=IfCondition(LaunchConfiguration("memory"))
    )
    # the goal node first, as it says what is wrong with the others' arguments before any of them starts
    return LaunchDescription([*declared, OpaqueFunction(function=start), segment, memory])


def start(context):
    return nodes(context.launch_configurations, context.environment)


def nodes(given, environment):
    files = ["segment", "memory"] if switch("memory", given["memory"]) else ["segment"]
    given = check_files(files, HERE, given, environment)
    named = [{name: value} for name, value in overrides(given, OVERRIDES).items()]
    parameters = [existing_file(given["goal_params_file"]), *named]
    enclave = enclave_arguments(given["enclaves"], "goal")
    where = {"namespace": given["namespace"], "output": "screen", "ros_arguments": enclave}
    topics = {"costmap": "costmap", "objects": "talk2dino/objects"}
    remappings = [(topic, given[name]) for name, topic in topics.items() if given[name]]
    remappings += tf_remappings(given["use_namespaced_tf"])
    node = {"executable": "goal", "name": "goal", "parameters": parameters, "remappings": remappings}
    return [Node(package="talk2dino_ros", **node, **where)]
