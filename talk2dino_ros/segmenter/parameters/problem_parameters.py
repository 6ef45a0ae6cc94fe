# SPDX-License-Identifier: Apache-2.0
"""Parameters of the segmenter node for what it keeps, so that a problem can be repeated at a desk."""

from __future__ import annotations

import dataclasses

from talk2dino_ros.ros.parameters.parameter_field import parameter
from talk2dino_ros.ros.parameters.parameter_set import Values


@dataclasses.dataclass(frozen=True)
class ProblemParameters(Values):
    """Parameters of the inputs that are kept, and of where they are written."""

    problem_seconds: float = parameter(
        10.0,
        "Seconds of segmented images, with their depth, camera_info and transforms, that are kept in memory for "
        "~/record_problem (docs/replay.md); 0.0: none.",
        low=0.0,
        high=600.0,
    )
    problem_max_mb: int = parameter(
        64,
        "Maximum memory for these images in megabytes; the oldest go first.",
        low=1,
        high=100_000,
    )
    problem_folder: str = parameter(
        "",
        "Folder for recorded problems, of which the ten newest are kept; empty: ~/.local/state/talk2dino/problems.",
    )
    problem_on_error: bool = parameter(
        False,
        "Also record a problem when an image is dropped or loses its points, at most once in five minutes.",
        live=True,
    )
