# SPDX-License-Identifier: Apache-2.0
"""The node's parameters, each declared once: name, type, default, range, text, and whether it is live.

`Parameters` is both the table and the values: a field is a parameter, its metadata is what
`ros2 param describe` shows, and a read-out of the node is an instance. Launch files take their defaults
from here.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.options import INPUTS, REFINEMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rcl_interfaces.msg import ParameterDescriptor
    from rclpy.node import Node

Value = bool | int | float | str | tuple[str, ...]

# The value of `background` that stands for the threshold which the model's row recommends.
RECOMMENDED = -1.0
CAMERA_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
RECONFIGURE = "deactivate and clean up the node, set the parameter, then configure and activate it"


class ParameterError(Talk2DinoError):
    """A parameter's value or the moment of its change is not allowed; the old value stays."""


def _parameter(
    default: Value,
    text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str | int, ...] = (),
    live: bool = False,
) -> Any:
    """Make the dataclass field of one parameter; its range includes both ends."""
    metadata = {"text": text, "low": low, "high": high, "choices": choices, "live": live}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Parameters:
    """All parameters of the node, in the order in which the documents list them."""

    model: str = _parameter("talk2dino_vitb", "Name of the model; `talk2dino weights list` shows all.")
    device: str = _parameter("auto", "Where the model runs: auto (CUDA if there is one), cpu, cuda or cuda:N.")
    precision: str = _parameter("auto", "Number format of the networks.", choices=("auto", "fp32", "bf16", "fp16"))
    weights_dir: str = _parameter("", "Folder with the weights under their published names; empty: the download cache.")
    cameras: tuple[str, ...] = _parameter(
        ("",), "Camera names, each the prefix of its topics; one empty name: a single unnamed camera."
    )
    compressed: bool = _parameter(False, "Subscribe to sensor_msgs/CompressedImage instead of Image.")
    image_reliability: str = _parameter(
        "best_effort", "Reliability of the image subscriptions.", choices=("best_effort", "reliable")
    )
    vocabulary: tuple[str, ...] = _parameter(
        ("door", "chair", "table", "sofa", "plant", "person", "!wall", "!floor", "!ceiling"),
        "The first classes, each `name`, `name: prompt, prompt` or `!name` (a distractor).",
    )
    input: str = _parameter(
        "square",
        "How an image meets the network: square (448x448), slide (the published protocol) or aspect.",
        choices=INPUTS,
        live=True,
    )
    refine: str = _parameter(
        "none",
        "Refinement of the mask along image edges (PAMR: better and slower).",
        choices=REFINEMENTS,
        live=True,
    )
    background: float = _parameter(
        RECOMMENDED,
        "Pixels whose best sigmoid(cosine) is below this are unlabeled; -1.0: the model's own, 0.0: off.",
        low=-1.0,
        high=0.999,
        live=True,
    )
    background_cleaning: bool = _parameter(
        False,
        "Weigh the scores by the image encoder's own attention (the paper's background cleaning).",
        live=True,
    )
    unlabeled_id: int = _parameter(
        255, "The mask's value where no class won: 255 (the rule of vision_msgs) or 0.", choices=(0, 255)
    )
    mask_width: int = _parameter(
        0, "Width in pixels of mask and confidence, as the point cloud's; 0: as the image.", low=0, high=16384
    )
    mask_height: int = _parameter(
        0,
        "Height in pixels of mask and confidence, as the point cloud's; 0: as the image.",
        low=0,
        high=16384,
    )
    min_area_share: float = _parameter(
        0.002,
        "A region smaller than this share of the image is no point of interest.",
        low=0.0,
        high=1.0,
        live=True,
    )
    max_points_per_class: int = _parameter(
        5, "At most so many points of interest per class and image.", low=0, high=1000, live=True
    )
    overlay: bool = _parameter(True, "Draw the overlay while someone listens to it.", live=True)
    overlay_alpha: float = _parameter(
        0.5,
        "Weight of the class colours in the overlay: 0.0 = the image alone.",
        low=0.0,
        high=1.0,
        live=True,
    )
    id_quarantine_s: float = _parameter(
        10.0,
        "A dropped name's id goes to no other name for so long; set it above the costmap's decay time.",
        low=0.0,
        high=86400.0,
    )
    image_timeout_s: float = _parameter(
        5.0, "Warn where no image has arrived for so long.", low=0.1, high=86400.0, live=True
    )
    label_info_period_s: float = _parameter(5.0, "label_info is repeated this often.", low=0.1, high=3600.0)
    paused_mask_period_s: float = _parameter(
        1.0, "While paused by ~/enable, an all-unlabeled mask goes out this often.", low=0.05, high=3600.0
    )
    diagnostics_period_s: float = _parameter(1.0, "/diagnostics is published this often.", low=0.1, high=3600.0)
    autostart: bool = _parameter(
        True,
        "The node configures and activates itself; false: a lifecycle manager does. Read at the start only.",
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            check_value(field.name, getattr(self, field.name))
        _check_cameras(self.cameras)
        _check_mask_size(self.mask_width, self.mask_height)


FIELDS: dict[str, dataclasses.Field[Any]] = {field.name: field for field in dataclasses.fields(Parameters)}


def check_value(name: str, value: Value) -> None:
    """Raise ParameterError where the value of one parameter is of another type or out of its range."""
    default, expected = FIELDS[name].default, _expectation(name)
    if type(value) is not type(default):
        raise ParameterError(f"{name} is {value!r}, expected a value like {_to_ros(default)!r}; set it so")
    if expected and not _is_allowed(name, value):
        raise ParameterError(f"{name} is {value!r}, expected {expected}; set it so")


def check_changes(changes: Mapping[str, Value], current: Parameters, *, configured: bool) -> Parameters:
    """Return the parameters after the changes; names that are not this module's are passed over.

    Raises ParameterError where a value is out of range, or where the node is configured and a parameter
    that is not live would change.
    """
    ours: dict[str, Any] = {name: value for name, value in changes.items() if name in FIELDS}
    after = dataclasses.replace(current, **ours)
    for name, value in ours.items():
        if configured and not FIELDS[name].metadata["live"] and value != getattr(current, name):
            raise ParameterError(_not_live(name, value))
    return after


def declare(node: Node) -> None:
    """Declare every parameter on the node; raise ParameterError where a given start value is not allowed."""
    from rclpy.exceptions import ParameterException

    for name, field in FIELDS.items():
        try:
            node.declare_parameter(name, _to_ros(field.default), _descriptor(name))
            node.get_parameter(name)  # an empty list in a params file leaves the parameter without a value
        except ParameterException as error:
            raise ParameterError(_wrong_start(name, str(error))) from error


def read(node: Node) -> Parameters:
    """Read all parameters of the node; raise ParameterError where they do not fit together."""
    return Parameters(**{name: from_ros(node.get_parameter(name).value) for name in FIELDS})


def from_ros(value: Any) -> Any:
    """Turn a ROS parameter's value into this module's: arrays become tuples."""
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _to_ros(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _descriptor(name: str) -> ParameterDescriptor:
    from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

    field = FIELDS[name]
    low, high = field.metadata["low"], field.metadata["high"]
    descriptor = ParameterDescriptor(name=name, description=field.metadata["text"])
    descriptor.additional_constraints = "; ".join(filter(None, [_expectation(name), _when(name)]))
    if isinstance(field.default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif low is not None:
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return descriptor


def _expectation(name: str) -> str:
    """Say which values are allowed; empty where all of the type are."""
    metadata = FIELDS[name].metadata
    if name == "background":
        return "-1.0 (the model's own threshold), 0.0 (off) or a threshold below 1.0"
    if metadata["choices"]:
        return " or ".join(str(choice) for choice in metadata["choices"])
    return "" if metadata["low"] is None else f"{metadata['low']} to {metadata['high']}"


def _is_allowed(name: str, value: Any) -> bool:
    metadata = FIELDS[name].metadata
    if name == "background":
        return bool(value == RECOMMENDED or 0.0 <= value < 1.0)
    if metadata["choices"]:
        return value in metadata["choices"]
    return bool(metadata["low"] <= value <= metadata["high"])  # False for NaN too


def _wrong_start(name: str, reason: str) -> str:
    example = _to_ros(FIELDS[name].default)
    kind = (
        f"a list such as {example}" if isinstance(example, list) else f"a {type(example).__name__} such as {example!r}"
    )
    expected = f"{kind}; allowed is {_expectation(name)}" if _expectation(name) else f"{kind}; write it so"
    return f"{name} cannot start with its value ({reason.removesuffix(f': {name}')}), expected {expected}"


def _when(name: str) -> str:
    return "can change while running" if FIELDS[name].metadata["live"] else "needs a reconfigure"


def _not_live(name: str, value: Value) -> str:
    other = "call ~/set_vocabulary, or " if name == "vocabulary" else ""
    return (
        f"{name} cannot become {value!r} while the node is configured, as it is not a live parameter: "
        f"{other}{RECONFIGURE}"
    )


def _check_cameras(cameras: tuple[str, ...]) -> None:
    if cameras == ("",):
        return
    wrong = [name for name in cameras if not CAMERA_NAME.match(name) or cameras.count(name) > 1]
    if wrong or not cameras:
        raise ParameterError(
            f"cameras is {list(cameras)}, expected one empty name or different names of letters, digits and "
            f"underscores; correct {wrong or 'the empty list'}"
        )


def _check_mask_size(width: int, height: int) -> None:
    if (width == 0) != (height == 0):
        raise ParameterError(
            f"mask_width is {width} and mask_height is {height}, expected both 0 or both above 0; set the other one too"
        )
