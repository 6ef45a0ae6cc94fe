# SPDX-License-Identifier: Apache-2.0
"""Pixel-adaptive mask refinement: Araslanov & Roth (arXiv 2005.08104), with the settings Talk2DINO uses.

One contract, three paths: compiled for a CPU (pamr_cpu.py), a Triton kernel for a GPU (pamr_gpu.py), and plain PyTorch
(pamr_plain.py), which reads like the method and which the others are tested against: read it first. pamr_paths.py
chooses.
"""

from torch import Tensor

from talk2dino_ros.engine.inference.pamr.pamr_paths import pamr_path


def pamr(rgb: Tensor, scores: Tensor, count: Tensor | None = None) -> Tensor:
    """Pull scores to the image's edges: ten times, each pixel becomes a mean of 48 neighbours of similar colour.

    rgb: float32 [3, H, W], any range, or a batch [B, 3, H, W]. scores: float32 [C, h, w] or [B, C, h, w], on the same
    device; of another size, they are stretched to the image's corner to corner (align_corners, as the paper's code has
    it). count: int32 [1] on the device, how many of the C rows have classes; what the others hold is undefined
    afterwards. Returns float32 [C, H, W] or [B, C, H, W], within the scores' minimum and maximum, since the weights are
    non-negative and sum to 1. On a GPU nothing is synchronised, and what is launched depends on the shapes alone.
    """
    return pamr_path(scores.device).refine(rgb, scores, count)
