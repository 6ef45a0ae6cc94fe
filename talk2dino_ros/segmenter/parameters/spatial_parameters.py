# SPDX-License-Identifier: Apache-2.0
"""The segmenter's parameters for places in space and for objects over time; parameters.py has the others."""

from __future__ import annotations

import dataclasses
from typing import Any

from talk2dino_ros.perception.space.depth_jumps import JUMP_M
from talk2dino_ros.perception.space.positions import FAR_M, NEAR_M
from talk2dino_ros.perception.tracking.tracked_object import RANGES, TrackerOptions
from talk2dino_ros.ros.parameters.parameter_field import parameter
from talk2dino_ros.ros.parameters.parameter_set import ParameterError, Values


def _of_objects(name: str, text: str) -> Any:
    """Make the field of an option of objects.py, which knows its default and range."""
    low, high = RANGES[name]
    return parameter(getattr(TrackerOptions, name), text, low=low, high=high)


@dataclasses.dataclass(frozen=True)
class SpatialParameters(Values):
    """From pixels to metres, from regions to objects."""

    target_frame: str = parameter(
        "",
        "Frame of positions, transformed at the image's stamp; a fixed one such as map or odom keeps objects in place "
        "while the robot moves; empty: the image's own.",
    )
    transform_timeout_s: float = parameter(
        0.1,
        "Wait so long for the transform at an image's stamp, as TF comes a little later than the image.",
        low=0.0,
        high=5.0,
        live=True,
    )
    depth_slop_s: float = parameter(
        0.02,
        "A depth image or camera_info without the image's exact stamp counts up to so far from it: a moving robot sees "
        "another place with each frame.",
        low=0.0,
        high=10.0,
        live=True,
    )
    depth_wait_s: float = parameter(
        0.1,
        "Where somebody publishes depth, points wait so long for the one that belongs to the image; masks do not.",
        low=0.0,
        high=5.0,
        live=True,
    )
    camera_info_latest: bool = parameter(
        False,
        "Take the newest camera_info whatever its stamp, for cameras that publish it once or without a stamp; set it "
        "before the node is configured, to hear one that was published before.",
        live=True,
    )
    image_rectified: bool = parameter(
        False,
        "The images are rectified (image_rect): use camera_info's P and no distortion; false: K and the distortion.",
        live=True,
    )
    near_m: float = parameter(
        NEAR_M, "Depth nearer than this is the sensor's error, not a surface.", low=0.0, high=1000.0, live=True
    )
    far_m: float = parameter(
        FAR_M, "Depth farther than this is too uncertain to go to.", low=0.01, high=1000.0, live=True
    )
    depth_jump_m: float = parameter(
        JUMP_M,
        "A region is split where the depth jumps by more than this, as two objects of one class then overlap in the "
        "image; 0.0: never.",
        low=0.0,
        high=1000.0,
        live=True,
    )
    confirm_detections: int = _of_objects(
        "confirm_detections",
        "An object is confirmed when it was seen in so many of the last `confirm_window` images: one wrong mask must "
        "not move a robot.",
    )
    confirm_window: int = _of_objects("confirm_window", "How many of the last images count for `confirm_detections`.")
    new_confidence: float = _of_objects(
        "new_confidence",
        "A region of less confidence starts no object, as what is doubted at first sight mostly is nothing; a region "
        "that could as well be something else has 0.5.",
    )
    keep_confidence: float = _of_objects(
        "keep_confidence",
        "A known object is seen again down to this lower confidence: with one threshold it would come and go around "
        "it.",
    )
    association_distance_m: float = _of_objects(
        "association_distance_m",
        "A region so far from where an object was seen last may still be it: more lets faster objects keep their ids, "
        "less keeps two of a class apart.",
    )
    association_overlap: float = _of_objects(
        "association_overlap",
        "Where depth is missing, boxes that overlap so much (intersection over union) are the same object.",
    )
    lost_after: int = _of_objects(
        "lost_after",
        "A confirmed object is lost when so many images in a row miss it: single images miss what is there.",
    )
    expiry_s: float = _of_objects(
        "expiry_s",
        "A lost object keeps its id for so long, so that a robot that turns away and back finds the same object; "
        "longer keeps what was carried away.",
    )
    position_smoothing: float = _of_objects(
        "position_smoothing",
        "The older detections' share in an object's position: depth is noisy, and an object that moves needs less; "
        "0.0: the last detection alone.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.object_options()  # some do not go together
        if self.near_m >= self.far_m:
            raise ParameterError(f"near_m is {self.near_m}, expected less than far_m, {self.far_m}; set one of them")

    def object_options(self) -> TrackerOptions:
        """Return what `objects.Objects` takes; raise ThingError where its options do not fit together."""
        return TrackerOptions(**{field.name: getattr(self, field.name) for field in dataclasses.fields(TrackerOptions)})
