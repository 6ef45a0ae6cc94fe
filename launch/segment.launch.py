# SPDX-License-Identifier: Apache-2.0
"""Start the segmenter, and RViz on demand; an argument left empty leaves what the parameter file says."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, SetEnvironmentVariable
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

from talk2dino_ros.ros.parameters.launch_arguments import (
    check_files,
    cyclone_variable,
    enclave_arguments,
    existing_file,
    installed,
    overrides,
    profile_variable,
    switch,
    tf_remappings,
    vocabulary_parameters,
)

HERE = Path(__file__).parent
SHARE = HERE.parent
CONFIG = SHARE / "config"
OVERRIDES = {"model": str, "device": str, "preset": str, "target_frame": str, "autostart": bool, "use_sim_time": bool}
INPUTS = ("image", "depth", "camera_info", "depth_camera_info")
ARGUMENTS = (
    ("params_file", f"{CONFIG}/segmenter.yaml", "Parameter file of the segmenter, the node talk2dino."),
    ("model", "", "Model name, such as talk2dino_vitb or mini; empty: the parameter file's."),
    ("device", "", "Compute device: auto, cpu, cuda or cuda:N; empty: the parameter file's."),
    (
        "preset",
        "",
        "quality, balanced, fast or jetson: a named set of option values; empty: the parameter file's.",
    ),
    ("image", "", "Topic of the colour images; empty: image, in the namespace."),
    ("depth", "", "Topic of the depth images, registered to the colour images; empty: depth, in the namespace."),
    ("camera_info", "", "CameraInfo topic of the colour camera; empty: camera_info, in the namespace."),
    (
        "depth_camera_info",
        "",
        "CameraInfo topic of the depth camera, if its intrinsics differ from the colour camera's; "
        "empty: depth_camera_info, in the namespace.",
    ),
    ("target_frame", "", "Frame of the positions, such as map or odom; empty: the parameter file's."),
    (
        "vocabulary",
        "",
        "indoor, outdoor, warehouse, a parameter file (.yaml), a file of `talk2dino encode` (.safetensors), "
        "or words: 'door; sofa: sofa, couch'; empty: the parameter file's.",
    ),
    (
        "autostart",
        "",
        "true: the node configures and activates itself; false: a lifecycle manager does; empty: the parameter file's.",
    ),
    ("use_sim_time", "", "true: use /clock, as in a simulation or with a bag; empty: the parameter file's."),
    ("fastdds_profile", f"{CONFIG}/fastdds.xml", "Fast DDS profile for large images; none: the transport's defaults."),
    (
        "cyclonedds_profile",
        f"{CONFIG}/cyclonedds.xml",
        "Cyclone DDS profile for large images, used where RMW_IMPLEMENTATION names it; none: the transport's defaults.",
    ),
    ("web", "false", "true: also start the node web, whose page shows in a browser what is seen."),
    ("namespace", "", "Namespace of the nodes and their relative topics; empty: none."),
    (
        "use_namespaced_tf",
        "false",
        "true: use tf and tf_static in the namespace, as Nav2 does, instead of /tf and /tf_static.",
    ),
    ("enclaves", "", "Path of the nodes' SROS 2 enclaves in the keystore, such as /talk2dino; empty: none."),
    ("rviz", "false", "true: open RViz with images and markers."),
)


def generate_launch_description():
    declared = [DeclareLaunchArgument(name, default_value=value, description=text) for name, value, text in ARGUMENTS]
    page = IncludeLaunchDescription(PythonLaunchDescriptionSource(str(HERE / "web.launch.py")))
    return LaunchDescription([*declared, OpaqueFunction(function=start), page])


def start(context):
    return nodes(context.launch_configurations, context.environment)


def nodes(given, environment):
    """Read all arguments, then return what is started: an error leaves no process behind."""
    check_files(["web"], HERE, given, environment)
    parameters = [existing_file(given["params_file"]), *vocabulary_parameters(given["vocabulary"], CONFIG)]
    parameters += [{name: value} for name, value in overrides(given, OVERRIDES).items()]
    remappings = [(name, given[name]) for name in INPUTS if given[name]] + tf_remappings(given["use_namespaced_tf"])
    where = {"namespace": given["namespace"], "remappings": remappings, "output": "screen"}
    enclave = enclave_arguments(given["enclaves"], "segmenter")
    node = {"executable": "segmenter", "name": "talk2dino", "parameters": parameters, "ros_arguments": enclave}
    rviz = {"executable": "rviz2", "arguments": ["-d", f"{SHARE}/rviz/segment.rviz"], **where}
    return [
        *transport(given["fastdds_profile"], profile_variable(environment)),
        *transport(given["cyclonedds_profile"], cyclone_variable(environment)),
        *([Node(package=installed("rviz2"), **rviz)] if switch("rviz", given["rviz"]) else []),
        Node(package="talk2dino_ros", **node, **where),
    ]


def transport(profile, variable):
    if profile == "none":
        return []
    path = existing_file(profile)  # also where the environment names another: a wrong path is never passed over
    return [SetEnvironmentVariable(variable, path)] if variable else []
