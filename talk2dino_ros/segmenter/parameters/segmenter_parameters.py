# SPDX-License-Identifier: Apache-2.0
"""The segmenter's parameters, each declared once: name, type, default, range, text, and whether it is live.

Launch files take their defaults from here; parameter_set.py declares them and reads them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from talk2dino_ros.engine.presets import PRESETS
from talk2dino_ros.ros.parameters import parameter_set
from talk2dino_ros.ros.parameters.parameter_field import Value, parameter
from talk2dino_ros.ros.parameters.parameter_set import ParameterError
from talk2dino_ros.segmenter.parameters.segmentation_parameters import SegmentationParameters, text_of
from talk2dino_ros.segmenter.parameters.spatial_parameters import SpatialParameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rclpy.node import Node


@dataclasses.dataclass(frozen=True)
class Parameters(SpatialParameters, SegmentationParameters):
    """All parameters of the node, in the order in which the documents list them: the last base's first."""

    OTHER_WAYS: ClassVar[Mapping[str, str]] = {"vocabulary": "call ~/set_vocabulary, or "}

    id_quarantine_s: float = parameter(
        10.0,
        "A dropped name's id goes to no other name for so long; set it above the costmap's decay time.",
        low=0.0,
        high=86400.0,
    )
    state_file: str = parameter(
        "",
        "File that keeps the words accepted last, their ids and the quarantine over restarts, such as "
        "~/.local/state/talk2dino/robot.json; the words come back while `vocabulary` and `vocabulary_file` are the "
        "same as then; empty: none, they outlive a reconfigure alone.",
    )
    image_timeout_s: float = parameter(
        5.0, "Warn where no image has arrived for so long.", low=0.1, high=86400.0, live=True
    )
    new_reader_pause_s: float = parameter(
        1.5,
        "After a new reader of mask, confidence, cloud or label_info the first three pause so long, so that label_info "
        "is there first: Nav2's semantic layer ends its process otherwise. At most twice so long where a reader of "
        "label_info does not acknowledge it.",
        low=0.0,
        high=60.0,
    )
    stall_timeout_s: float = parameter(
        60.0,
        "Where the model has not returned from its images for so long, /diagnostics is an error: above the slowest "
        "batch, some seconds on a CPU.",
        low=0.1,
        high=86400.0,
        live=True,
    )
    paused_mask_period_s: float = parameter(
        1.0, "While paused by ~/enable, an all-unlabeled mask goes out this often.", low=0.05, high=3600.0
    )
    stage_times: bool = parameter(
        False,
        "Measure where each batch's time goes and show it in /diagnostics; on a GPU this waits for it.",
        live=True,
    )
    diagnostics_period_s: float = parameter(1.0, "/diagnostics is published this often.", low=0.1, high=3600.0)
    autostart: bool = parameter(
        True,
        "The node configures and activates itself; false: a lifecycle manager does. Read at the start only.",
    )


FIELDS = parameter_set.fields_of(Parameters)


def check_changes(changes: Mapping[str, Value], current: Parameters, *, configured: bool) -> Parameters:
    """Do what `parameter_set.check_changes` does; a preset is for the start alone."""
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
    """Give the preset's options its values, so that `ros2 param get` shows what is in force."""
    from rclpy.parameter import Parameter

    values = PRESETS.get(node.get_parameter("preset").value, {})
    node.set_parameters([Parameter(name, value=value) for name, value in values.items()])


def read(node: Node) -> Parameters:
    """Read all parameters of the node; raise ParameterError where they do not fit together."""
    return parameter_set.read(node, Parameters)
