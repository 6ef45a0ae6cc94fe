# SPDX-License-Identifier: Apache-2.0
"""An image of a batch on its way to labels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.inference.crop_plan import Plan
from talk2dino_ros.engine.inference.score_smoothing import ScoreMemory


@dataclass(frozen=True, eq=False)
class PlannedImage:
    """rgb: uint8 [H, W, 3] RGB. memory: its camera's, None where the image stands alone.

    wants_scores, wants_patches: whether the result has them.
    """

    rgb: npt.NDArray[np.uint8]
    plan: Plan
    memory: ScoreMemory | None
    wants_scores: bool = False
    wants_patches: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]
