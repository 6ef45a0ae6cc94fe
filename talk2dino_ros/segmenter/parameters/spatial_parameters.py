# SPDX-License-Identifier: Apache-2.0
"""Parameters of the segmenter node for 3D positions and object tracking; segmenter_parameters.py has the others."""

from __future__ import annotations

import dataclasses
from typing import Any

from talk2dino_ros.perception.space.depth_jumps import JUMP_M
from talk2dino_ros.perception.space.positions import FAR_M, NEAR_M
from talk2dino_ros.perception.tracking.tracked_object import RANGES, TrackerOptions
from talk2dino_ros.ros.parameters.parameter_field import parameter
from talk2dino_ros.ros.parameters.parameter_set import ParameterError, Values


def _of_objects(name: str, text: str) -> Any:
    """Make the field of an option of TrackerOptions, which knows its default; RANGES knows its range."""
    low, high = RANGES[name]
    return parameter(getattr(TrackerOptions, name), text, low=low, high=high)


@dataclasses.dataclass(frozen=True)
class SpatialParameters(Values):
    """Parameters of the way from pixels to metres and from regions to tracked objects."""

    target_frame: str = parameter(
        "",
        "Frame of the positions, transformed at the image's stamp; a fixed frame such as map or odom keeps object "
        "positions valid while the robot moves; empty: the image's frame.",
    )
    transform_timeout_s: float = parameter(
        0.1,
        "Maximum wait for the transform at an image's stamp, as TF comes a little later than the image.",
        low=0.0,
        high=5.0,
        live=True,
    )
    depth_slop_s: float = parameter(
        0.02,
        "Maximum stamp difference between an image and its depth image or camera_info; keep it small, as a moving "
        "robot sees something else in each frame.",
        low=0.0,
        high=10.0,
        live=True,
    )
    depth_wait_s: float = parameter(
        0.1,
        "Maximum time that points wait for their image's depth, while depth has a publisher; masks do not wait.",
        low=0.0,
        high=5.0,
        live=True,
    )
    camera_info_latest: bool = parameter(
        False,
        "Use the latest camera_info whatever its stamp, for cameras that publish it once or unstamped; set it before "
        "configuring, to receive one that was published earlier.",
        live=True,
    )
    image_rectified: bool = parameter(
        False,
        "Images are rectified (image_rect): use P of camera_info and no distortion; false: K and the distortion.",
        live=True,
    )
    near_m: float = parameter(
        NEAR_M, "Minimum valid depth in metres; nearer is sensor error.", low=0.0, high=1000.0, live=True
    )
    far_m: float = parameter(
        FAR_M, "Maximum valid depth in metres; farther is too uncertain for a goal.", low=0.01, high=1000.0, live=True
    )
    depth_jump_m: float = parameter(
        JUMP_M,
        "Split a region where its depth jumps by more than this, as between objects of one class that overlap in the "
        "image; 0.0: never.",
        low=0.0,
        high=1000.0,
        live=True,
    )
    confirm_detections: int = _of_objects(
        "confirm_detections",
        "Confirm an object after detections in this many of the last `confirm_window` images; above 1, a single false "
        "detection sends no robot anywhere.",
    )
    confirm_window: int = _of_objects("confirm_window", "Number of recent images that count for `confirm_detections`.")
    new_confidence: float = _of_objects(
        "new_confidence",
        "Minimum confidence of a region that starts a new object, against false positives; 0.5 is a region that could "
        "as well be another class.",
    )
    keep_confidence: float = _of_objects(
        "keep_confidence",
        "Minimum confidence of a detection of a known object; lower than new_confidence, as hysteresis.",
    )
    association_distance_m: float = _of_objects(
        "association_distance_m",
        "Maximum distance between a detection and an object's last position for association: more lets faster objects "
        "keep their ids, less keeps neighbours of one class apart.",
    )
    association_overlap: float = _of_objects(
        "association_overlap",
        "Minimum IoU of the boxes for association where depth is missing.",
    )
    lost_after: int = _of_objects(
        "lost_after",
        "Number of consecutive images without a detection after which a confirmed object is lost; above 1, single "
        "missed detections do no harm.",
    )
    expiry_s: float = _of_objects(
        "expiry_s",
        "Seconds that a lost object keeps its id, for a robot that turns away and back; longer also keeps objects "
        "that were carried away.",
    )
    position_smoothing: float = _of_objects(
        "position_smoothing",
        "EMA weight of earlier detections in an object's position, against depth noise; less for moving objects; 0.0: "
        "the last detection alone.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.object_options()  # some do not go together
        if self.near_m >= self.far_m:
            raise ParameterError(f"near_m is {self.near_m}, expected less than far_m, {self.far_m}; set one of them")

    def object_options(self) -> TrackerOptions:
        """Return the tracker's options; raise TrackerError where they do not fit together."""
        return TrackerOptions(**{field.name: getattr(self, field.name) for field in dataclasses.fields(TrackerOptions)})
