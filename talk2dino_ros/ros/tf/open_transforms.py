# SPDX-License-Identifier: Apache-2.0
"""Choose the listener to TF, and log which one it is."""

from __future__ import annotations

import importlib.util
from typing import Any

from talk2dino_ros.ros.tf.transforms import TransformError, Transforms


def open_transforms(node: Any) -> Transforms:
    """Listen to TF in the node's executor: by tf2_ros where it is installed, otherwise by our own listener.

    Raises TransformError where the messages of TF are missing too.
    """
    transforms = listener_of(node)
    node.get_logger().info(f"Transforms between frames come from {transforms.source}.")
    return transforms


def listener_of(node: Any) -> Transforms:
    """Return the listener that this machine has all for."""
    if is_installed("tf2_ros"):
        from talk2dino_ros.ros.tf.tf2_adapter import Tf2Transforms

        return Tf2Transforms(node)
    if is_installed("tf2_msgs"):
        from talk2dino_ros.ros.tf.heard_transforms import HeardTransforms

        return HeardTransforms(node)
    raise TransformError(
        "Neither tf2_ros nor tf2_msgs can be imported, and transforms between frames need one of them: "
        "`sudo apt install ros-$ROS_DISTRO-tf2-ros-py`."
    )


def is_installed(package: str) -> bool:
    """Return whether a package can be imported."""
    return importlib.util.find_spec(package) is not None
