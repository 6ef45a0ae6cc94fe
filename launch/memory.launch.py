# SPDX-License-Identifier: Apache-2.0
"""Start the node memory beside a segmenter, RViz on demand; an argument left empty leaves the parameter file alone."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

from talk2dino_ros.ros.parameters.launch_arguments import (
    check_files,
    enclave_arguments,
    existing_file,
    installed,
    overrides,
    switch,
)

HERE = Path(__file__).parent
SHARE = HERE.parent
# arguments by the parameters that they set
PARAMETERS = {"map_id": "map_id", "memory_folder": "folder", "pose_topic": "pose_topic"}
OVERRIDES = {**dict.fromkeys(PARAMETERS, str), "autostart": bool, "use_sim_time": bool}
ARGUMENTS = (
    ("memory_params_file", f"{SHARE}/config/memory.yaml", "Parameter file of the node memory."),
    (
        "map_id",
        "",
        "Name of the map whose places are remembered; another map is another memory; empty: the parameter file's.",
    ),
    ("memory_folder", "", "Folder of the memories, one for each map; empty: the parameter file's."),
    (
        "pose_topic",
        "",
        "Topic of the localisation's pose with covariance, such as /amcl_pose; empty: the parameter file's.",
    ),
    (
        "autostart",
        "",
        "true: the node configures and activates itself; false: a lifecycle manager does; empty: the parameter file's.",
    ),
    ("use_sim_time", "", "true: use /clock, as in a simulation or with a bag; empty: the parameter file's."),
    ("web", "false", "true: also start the node web, whose page shows in a browser what is seen."),
    ("namespace", "", "Namespace of the nodes and their relative topics; empty: none."),
    ("enclaves", "", "Path of the nodes' SROS 2 enclaves in the keystore, such as /talk2dino; empty: none."),
    ("memory_rviz", "false", "true: open RViz with the places of the last find and the heat of its word."),
)


def generate_launch_description():
    declared = [DeclareLaunchArgument(name, default_value=value, description=text) for name, value, text in ARGUMENTS]
    page = IncludeLaunchDescription(PythonLaunchDescriptionSource(str(HERE / "web.launch.py")))
    return LaunchDescription([*declared, OpaqueFunction(function=start), page])


def start(context):
    return nodes(context.launch_configurations, context.environment)


def nodes(given, environment):
    check_files(["web"], HERE, given, environment)
    named = [{PARAMETERS.get(name, name): value} for name, value in overrides(given, OVERRIDES).items()]
    parameters = [existing_file(given["memory_params_file"]), *named]
    where = {"namespace": given["namespace"], "output": "screen"}
    rviz = {"executable": "rviz2", "arguments": ["-d", f"{SHARE}/rviz/memory.rviz"], **where}
    view = [Node(package=installed("rviz2"), **rviz)] if switch("memory_rviz", given["memory_rviz"]) else []
    enclave = enclave_arguments(given["enclaves"], "memory")
    node = {"executable": "memory", "name": "memory", "parameters": parameters, "ros_arguments": enclave}
    return [*view, Node(package="talk2dino_ros", **node, **where)]
