# SPDX-License-Identifier: Apache-2.0
"""Pixel-adaptive mask refinement: Araslanov & Roth (arXiv 2005.08104), with the settings Talk2DINO uses.

One contract, three paths: compiled for a CPU (cpu.py), a Triton kernel for a GPU (gpu.py), and plain PyTorch
(plain.py), which reads like the method and which the others are tested against. Read plain.py first.
"""

from torch import Tensor


def pamr(rgb: Tensor, scores: Tensor) -> Tensor:
    """Pull scores to the image's edges: ten times, each pixel becomes a mean of 48 neighbours of similar colour.

    rgb: float32 [3, H, W], any range. scores: float32 [C, H, W], on the same device. Returns float32 [C, H, W],
    within the minimum and maximum of the scores, since the weights are non-negative and sum to 1.
    """
    # imported where used: compiling for a CPU and for a GPU each take their time and packages
    if scores.device.type == "cuda":
        from talk2dino_ros.engine.pamr.gpu import pamr_gpu

        return pamr_gpu(rgb, scores)
    from talk2dino_ros.engine.pamr.cpu import pamr_cpu

    return pamr_cpu(rgb, scores)
