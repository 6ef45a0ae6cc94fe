# SPDX-License-Identifier: Apache-2.0
"""All parameters of the web node, each declared once: name, type, default, range and text."""

from __future__ import annotations

import dataclasses

from talk2dino_ros.ros.parameters.parameter_field import NODE_NAME, parameter
from talk2dino_ros.ros.parameters.parameter_set import NodeValues, ParameterError


@dataclasses.dataclass(frozen=True)
class WebParameters(NodeValues):
    """All parameters of the node, in the order in which the documents list them."""

    host: str = parameter(
        "127.0.0.1",
        "Address to listen on; 0.0.0.0 for other machines, which then need the address with the token from the log.",
    )
    port: int = parameter(8420, "Port to listen on; 0: any free one, which the log names.", low=0, high=65535)
    read_only: bool = parameter(False, "The page changes no words and sends no robot.")
    segmenter: str = parameter("talk2dino", "Name of the segmenter node.")
    goal: str = parameter("goal", "Name of the goal node, if one runs.")
    memory: str = parameter("memory", "Name of the memory node, if one runs.")
    map_frame: str = parameter("map", "Frame of the map; if there is a costmap, its own frame is used.")
    base_frame: str = parameter("base_link", "Robot base frame, whose pose is drawn on the map.")
    max_rate_hz: float = parameter(10.0, "Maximum image rate of a camera, for each browser.", low=0.1, high=60.0)
    picture_pixels: int = parameter(
        960, ("Longest side of an image in pixels; larger ones are scaled down."), low=64, high=4096
    )
    silence_s: float = parameter(
        5.0,
        "Seconds without its /diagnostics after which the segmenter counts as lost; longer than its "
        "diagnostics_period_s.",
        low=0.5,
        high=3600.0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("segmenter", "goal", "memory"):
            value, default = getattr(self, name), getattr(WebParameters, name)
            if not NODE_NAME.match(value):
                raise ParameterError(
                    f"{name} is {value!r}, expected a node's name such as {default!r} or '/robot/{default}'; set it so"
                )
