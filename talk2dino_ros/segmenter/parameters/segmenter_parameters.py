# SPDX-License-Identifier: Apache-2.0
"""All parameters of the segmenter node, each declared once: name, type, default, range, text, live or not.

Launch files take their defaults from here; parameter_set.py declares them and reads them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from talk2dino_ros.engine.presets import PRESETS
from talk2dino_ros.ros.parameters import parameter_set
from talk2dino_ros.ros.parameters.parameter_field import Value, parameter
from talk2dino_ros.ros.parameters.parameter_set import NodeValues, ParameterError
from talk2dino_ros.segmenter.parameters.problem_parameters import ProblemParameters
from talk2dino_ros.segmenter.parameters.segmentation_parameters import SegmentationParameters, text_of
from talk2dino_ros.segmenter.parameters.spatial_parameters import SpatialParameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rclpy.node import Node


@dataclasses.dataclass(frozen=True)
class Parameters(ProblemParameters, SpatialParameters, SegmentationParameters, NodeValues):
    """All parameters of the node, in the order in which the documents list them: the last base's first."""

    OTHER_WAYS: ClassVar[Mapping[str, str]] = {"vocabulary": "call ~/set_vocabulary, or "}

    id_quarantine_s: float = parameter(
        10.0,
        "Seconds before the class id of a removed name is given to another name; set it above the costmap's decay "
        "time.",
        low=0.0,
        high=86400.0,
    )
    state_file: str = parameter(
        "",
        "File that keeps the last accepted vocabulary, its ids and the quarantine over restarts, such as "
        "~/.local/state/talk2dino/robot.json; the vocabulary is restored only while "
        "`vocabulary` and `vocabulary_file` are unchanged; empty: they survive a reconfigure only.",
    )
    image_timeout_s: float = parameter(
        5.0, "Warn after this many seconds without an image.", low=0.1, high=86400.0, live=True
    )
    latency_warn_s: float = parameter(
        2.0,
        "Warn when the median delay of the last seconds' masks behind their images exceeds this many seconds.",
        low=0.001,
        high=86400.0,
        live=True,
    )
    new_reader_pause_s: float = parameter(
        1.5,
        "Seconds that mask, confidence and cloud pause after a new subscriber of one of them or of label_info, so "
        "that label_info arrives first: Nav2's semantic layer ends its process otherwise. At most twice as long if a "
        "subscriber of label_info does not acknowledge it.",
        low=0.0,
        high=60.0,
    )
    stall_timeout_s: float = parameter(
        60.0,
        "Report an error in /diagnostics when inference on a batch takes longer than this; set it above the slowest "
        "batch, which takes some seconds on a CPU.",
        low=0.1,
        high=86400.0,
        live=True,
    )
    paused_mask_period_s: float = parameter(
        1.0, "Period of the all-unlabeled masks that are published while paused by ~/enable.", low=0.05, high=3600.0
    )
    stage_times: bool = parameter(
        False,
        "Measure the time of each stage and show it in /diagnostics; synchronizes with the GPU after each stage.",
        live=True,
    )


FIELDS = parameter_set.fields_of(Parameters)


def check_changes(changes: Mapping[str, Value], current: Parameters, *, configured: bool) -> Parameters:
    """Check changes as `parameter_set.check_changes` does; refuse another preset, which is for the start alone."""
    preset = changes.get("preset", current.preset)
    if preset != current.preset:
        raise ParameterError(
            f"preset cannot become {preset!r} in a running node, expected it at the start; set its options: "
            f"{text_of(PRESETS.get(str(preset), {})) or 'as you like'}"
        )
    return parameter_set.check_changes(changes, current, configured=configured)


def declare(node: Node) -> list[str]:
    """Declare every parameter on the node; return warnings of start values for names that do not exist.

    Raises ParameterError where a start value is of another type or outside of a range.
    """
    parameter_set.declare(node, Parameters)
    _apply_preset(node)
    return parameter_set.unknown_names(node, Parameters)


def _apply_preset(node: Node) -> None:
    """Give the preset's options its values, so that `ros2 param get` shows the values in use."""
    from rclpy.parameter import Parameter

    values = PRESETS.get(node.get_parameter("preset").value, {})
    node.set_parameters([Parameter(name, value=value) for name, value in values.items()])


def read(node: Node) -> Parameters:
    """Read all parameters of the node; raise ParameterError where they do not fit together."""
    return parameter_set.read(node, Parameters)
