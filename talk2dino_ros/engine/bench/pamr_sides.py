# SPDX-License-Identifier: Apache-2.0
"""Wrap the two PAMRs that are compared in one signature: rgb [3, H, W] and scores [C, H, W] to scores [C, H, W]."""

from collections.abc import Callable

import torch
from torch import Tensor

from talk2dino_ros.engine.bench import baseline
from talk2dino_ros.engine.inference.pamr import pamr


def _baseline(rgb: Tensor, scores: Tensor) -> Tensor:
    return torch.cat([baseline.pamr(rgb[None], chunk[None])[0] for chunk in scores.split(baseline.CHUNK)])


PAMR_SIDES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"baseline": _baseline, "engine": pamr}
