# SPDX-License-Identifier: Apache-2.0
"""Where the patches of one image are in space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from talk2dino_ros.perception.memory.sensor_pose import SensorPose


@dataclass(frozen=True, eq=False)
class PatchPlaces:
    """Where the patches of one image are.

    target_frame: of both; "" where it is not known. pose: of the optical frame, None where it is not known.
    points: float32 [h * w, 3], metres, NaN where there is no depth. reason: why there is no point at all, else "".
    """

    target_frame: str
    pose: SensorPose | None
    points: NDArray[np.float32]
    reason: str = ""
