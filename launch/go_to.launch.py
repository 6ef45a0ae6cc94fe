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
    ("goal_frame", "", "Frame of the goals; the planner's global frame, such as map or odom."),
    ("base_frame", "", "Robot base frame, such as base_link."),
    ("target_frame", "odom", "Frame in which objects are tracked; a fixed one, such as odom or map."),
    ("objects", "", "Topic of the tracked objects, such as talk2dino/front/objects for a named camera."),
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
    # what is wrong with the goal node's arguments is said before the segmenter starts, which would stay
    check_first, start_goal = OpaqueFunction(function=check), OpaqueFunction(function=start)
    return LaunchDescription([*declared, check_first, segment, memory, start_goal])


def check(context):
    goal_parameters(context.launch_configurations)
    switch("memory", context.launch_configurations["memory"])


def goal_parameters(given):
    named = [{name: value} for name, value in overrides(given, OVERRIDES).items()]
    return [existing_file(given["goal_params_file"]), *named]


def start(context):
    given = context.launch_configurations
    enclave = enclave_arguments(given["enclaves"], "goal")
    where = {"namespace": given["namespace"], "output": "screen", "ros_arguments": enclave}
    topics = {"costmap": "costmap", "objects": "talk2dino/objects"}
    remappings = [(topic, given[name]) for name, topic in topics.items() if given[name]]
    remappings += tf_remappings(given["use_namespaced_tf"])
    node = {"executable": "goal", "name": "goal", "parameters": goal_parameters(given), "remappings": remappings}
    return [Node(package="talk2dino_ros", **node, **where)]
