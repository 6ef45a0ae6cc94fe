# SPDX-License-Identifier: Apache-2.0
"""All parameters of the node memory, each declared once: name, type, default, range and text."""

from __future__ import annotations

import dataclasses

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.perception.evidence import MIN_EVIDENCE
from talk2dino_ros.perception.memory.disk.keyframe_store import MAP_ID
from talk2dino_ros.perception.memory.image_gate import MAX_SPEED_MPS
from talk2dino_ros.perception.memory.keyframe import ANGLE_DEG, DISTANCE_M
from talk2dino_ros.perception.memory.spatial_memory import MAX_RANGE_M
from talk2dino_ros.perception.memory.voxel_map import CELL_M
from talk2dino_ros.perception.memory.word_query import AGAINST, entries_of
from talk2dino_ros.ros.parameters.parameter_field import NODE_NAME, parameter
from talk2dino_ros.ros.parameters.parameter_set import NodeValues, ParameterError


@dataclasses.dataclass(frozen=True)
class MemoryParameters(NodeValues):
    """All parameters of the node, in the order in which the documents list them."""

    folder: str = parameter(
        "~/.local/share/talk2dino_ros/memory",
        "Folder of the memories, with a folder for each map; on a disk with room for max_bytes.",
    )
    map_id: str = parameter(
        "map",
        "Name of the map whose places are remembered: in another map they are worth nothing, so give each map its "
        "own name, of letters, digits and _.-",
    )
    segmenter: str = parameter(
        "talk2dino",
        "Name of the segmenter node, whose topics `patch_features` and service `encode_text` are used.",
    )
    cameras: tuple[str, ...] = parameter(
        ("",), "Names of the segmenter's cameras whose images are remembered, as in its own parameter `cameras`."
    )
    pose_topic: str = parameter(
        "",
        "Topic of the localisation's geometry_msgs/PoseWithCovarianceStamped, such as /amcl_pose: images are "
        "remembered only while it is sure of the position; empty: always.",
    )
    max_position_std_m: float = parameter(
        0.5,
        "Largest standard deviation of the position, in metres along its worst axis, at which images are remembered.",
        low=0.001,
        high=100.0,
        live=True,
    )
    max_speed_mps: float = parameter(
        MAX_SPEED_MPS,
        "Largest speed of a camera in metres per second: if it moved faster before an image, its localisation has "
        "jumped, and the image is left out.",
        low=0.01,
        high=1000.0,
        live=True,
    )
    voxel_m: float = parameter(
        CELL_M, "Side of a voxel in metres; objects that are closer together become one place.", low=0.01, high=10.0
    )
    max_range_m: float = parameter(
        MAX_RANGE_M,
        "Patches farther from the camera than this many metres are left out: their depth is uncertain, and they cover "
        "more than a voxel.",
        low=0.1,
        high=32.0,
    )
    keyframe_distance_m: float = parameter(
        DISTANCE_M,
        "Metres that a camera has to move before its next image is remembered.",
        low=0.0,
        high=100.0,
        live=True,
    )
    keyframe_angle_deg: float = parameter(
        ANGLE_DEG,
        "Degrees that a camera has to turn before its next image is remembered.",
        low=0.0,
        high=180.0,
        live=True,
    )
    max_bytes: int = parameter(
        2_000_000_000,
        "Maximum size of a memory on disk in bytes: beyond it the least useful images are removed, as /diagnostics "
        "says; 0: no limit.",
        low=0,
        high=10**15,
    )
    against: tuple[str, ...] = parameter(
        AGAINST,
        "Words that compete with the requested one if a request names none; written as in a vocabulary.",
        live=True,
    )
    min_score: float = parameter(
        0.0,
        "Lowest score of a remembered place, 0 to 1; it also has to be above the segmenter's background threshold.",
        low=0.0,
        high=1.0,
        live=True,
    )
    min_evidence: float = parameter(
        MIN_EVIDENCE,
        "Least evidence of a remembered place: the logarithm of the odds for the word, from all its images and voxels. "
        "Lower: more is found, and more that is not there; 0.0: every voxel in which the word won.",
        low=0.0,
        high=1e6,
        live=True,
    )
    segmenter_timeout_s: float = parameter(
        15.0,
        "Maximum wait for the vectors of a word; the first new word may have to load the text encoder.",
        low=0.1,
        high=3600.0,
        live=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not NODE_NAME.match(self.segmenter):
            raise ParameterError(
                f"segmenter is {self.segmenter!r}, expected a node's name such as 'talk2dino' or '/robot/talk2dino'; "
                "set it so"
            )
        if not MAP_ID.match(self.map_id):
            raise ParameterError(
                f"map_id is {self.map_id!r}, expected up to 100 letters, digits and _.- such as 'office_2'; set it so"
            )
        if not self.cameras or len(set(self.cameras)) < len(self.cameras):
            raise ParameterError(
                f"cameras is {list(self.cameras)}, expected one empty name or different names; set them as "
                "the segmenter's"
            )
        try:
            entries_of("word", self.against)
        except VocabularyError as error:
            raise ParameterError(f"against is {list(self.against)}: {error}") from error
