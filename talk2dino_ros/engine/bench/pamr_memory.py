# SPDX-License-Identifier: Apache-2.0
"""Measure PAMR's memory in a child process: `python -m talk2dino_ros.engine.bench.pamr_memory engine inputs.npz`.

Prints one JSON object with the bytes by which the call raised the process's peak, after a call on a corner of the
image, which pays for what a first call compiles and loads.
"""

import json
import sys
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from talk2dino_ros.engine.bench import baseline
from talk2dino_ros.engine.bench.measure import peak_bytes_of
from talk2dino_ros.engine.inference.pamr import pamr


def _baseline(rgb: Tensor, scores: Tensor) -> Tensor:
    return torch.cat([baseline.pamr(rgb[None], chunk[None])[0] for chunk in scores.split(baseline.CHUNK)])


# The two that are compared: rgb [3, H, W] and scores [C, H, W] to scores [C, H, W].
PAMR_SIDES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"baseline": _baseline, "engine": pamr}


def main() -> None:
    """Measure the side and the inputs (rgb [3, H, W], scores [C, H, W]) that the command line names."""
    side = PAMR_SIDES[sys.argv[1]]
    with np.load(sys.argv[2]) as arrays:
        rgb, scores = torch.from_numpy(arrays["rgb"]), torch.from_numpy(arrays["scores"])
    with torch.inference_mode():
        side(rgb[:, :32, :32].contiguous(), scores[:, :32, :32].contiguous())
        print(json.dumps({"peak_bytes": peak_bytes_of(lambda: side(rgb, scores))}))


if __name__ == "__main__":
    main()
