# SPDX-License-Identifier: Apache-2.0
"""Start the node web, the page of the others, where `web` is true; the other launch files include this one."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

from talk2dino_ros.ros.parameters.launch_arguments import (
    enclave_arguments,
    existing_file,
    overrides,
    switch,
    tf_remappings,
)

SHARE = Path(__file__).parent.parent
# arguments by the parameters that they set
PARAMETERS = {"web_host": "host"}
OVERRIDES = {"web_host": str, "use_sim_time": bool}
ARGUMENTS = (
    ("web", "true", "true: start the node web, whose page shows in a browser what is seen."),
    ("web_params_file", f"{SHARE}/config/web.yaml", "Parameter file of the node web."),
    (
        "web_host",
        "",
        "Address that the page listens on; 0.0.0.0 for other machines, which need the token from the log; "
        "empty: the parameter file's.",
    ),
    ("use_sim_time", "", "true: use /clock, as in a simulation or with a bag; empty: the parameter file's."),
    ("namespace", "", "Namespace of the nodes and their relative topics; empty: none."),
    ("enclaves", "", "Path of the nodes' SROS 2 enclaves in the keystore, such as /talk2dino; empty: none."),
)


def generate_launch_description():
    declared = [DeclareLaunchArgument(name, default_value=value, description=text) for name, value, text in ARGUMENTS]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def start(context):
    return nodes(context.launch_configurations, context.environment)


def nodes(given, _environment):
    if not switch("web", given["web"]):
        return []
    named = [{PARAMETERS.get(name, name): value} for name, value in overrides(given, OVERRIDES).items()]
    node = {"executable": "web", "name": "web", "parameters": [existing_file(given["web_params_file"]), *named]}
    remappings = [("costmap", given["costmap"])] if given.get("costmap") else []
    remappings += tf_remappings(given.get("use_namespaced_tf", "false"))
    where = {"namespace": given["namespace"], "output": "screen", "remappings": remappings}
    return [Node(package="talk2dino_ros", ros_arguments=enclave_arguments(given["enclaves"], "web"), **node, **where)]
