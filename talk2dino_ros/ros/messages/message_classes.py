# SPDX-License-Identifier: Apache-2.0
"""Classes of the messages that are made here: ROS's own where it is sourced, else classes made of definitions.

`from talk2dino_ros.ros.messages.message_classes import Image` gives either, and what fills one fills the other. For
conversions, which a replay does where no ROS is; whoever talks to ROS imports ROS.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

PACKAGES = {
    "builtin_interfaces": ("Time",),
    "geometry_msgs": ("Point", "Vector3"),
    "sensor_msgs": ("Image", "RegionOfInterest"),
    "std_msgs": ("ColorRGBA", "Header"),
    "talk2dino_msgs": ("PointOfInterest", "PointOfInterestArray", "TrackedObject", "TrackedObjectArray"),
    "vision_msgs": ("LabelInfo", "VisionClass"),
    "visualization_msgs": ("Marker", "MarkerArray"),
}


def __getattr__(name: str) -> Any:
    package = next((each for each, names in PACKAGES.items() if name in names), "")
    if not package:
        raise AttributeError(f"{name} is no message of {__name__}")
    found = globals()[name] = _class_of(package, name)
    return found


def _class_of(package: str, name: str) -> Any:
    try:
        return getattr(import_module(f"{package}.msg"), name)
    except ImportError:
        from talk2dino_ros.ros.messages.defined_classes import defined_class

        return defined_class(f"{package}/msg/{name}")
