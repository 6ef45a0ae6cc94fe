# SPDX-License-Identifier: Apache-2.0
"""The patches of one image, before any word: what the encoder saw of each, and which pixels it covers.

The windows of `slide` stand below each other and are not put together: each of their patches is compared with the words
as it is, and what is averaged afterwards are scores. A mean of two windows' features is nothing that was ever seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.inference.crop_plan import Plan


@dataclass(frozen=True, eq=False)
class ImagePatches:
    """h x w patches with D values each, row by row; with `slide` the windows one below the other, which may overlap.

    features: float16 [h, w, D], of length 1 (0 where the encoder gave none): the dot product with a class's vector
        (`Vocabulary.embeddings`) is the cosine that scoring takes, but for the rounding.
    centres: float32 [h, w, 2], x and y in the image's pixels, from the first pixel's corner.
    size: height and width of every patch in the image's pixels.
    """

    features: npt.NDArray[np.float16]
    centres: npt.NDArray[np.float32]
    size: tuple[float, float]


def image_patches(patch_features: Sequence[Tensor], plan: Plan, image_size: tuple[int, int]) -> ImagePatches:
    """Normalise and download the crops' features, each float32 [D, h, w] in the plan's order; image_size: (H, W)."""
    # of a ViT's features, which lie patch by patch in memory as they come, this order moves none
    unit = [F.normalize(features, dim=0).half().permute(1, 2, 0).contiguous() for features in patch_features]
    height, width = unit[0].shape[:2]
    centres, size = patch_places(plan, image_size, (height, width))
    return ImagePatches(torch.cat(unit).cpu().numpy(), centres, size)


def patch_places(
    plan: Plan, image_size: tuple[int, int], grid: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], tuple[float, float]]:
    """Return centres float32 [crops * h, w, 2] (x, y) and the size (height, width) of the patches, in image pixels.

    grid: (h, w) patches of one crop. The crops of a plan are of one size, and so are all patches.
    """
    scale_y, scale_x = image_size[0] / plan.canvas[0], image_size[1] / plan.canvas[1]
    height, width = plan.crops[0].height / grid[0] * scale_y, plan.crops[0].width / grid[1] * scale_x
    columns, rows = (np.arange(grid[1]) + 0.5) * width, (np.arange(grid[0]) + 0.5) * height
    windows = [np.meshgrid(crop.left * scale_x + columns, crop.top * scale_y + rows) for crop in plan.crops]
    return np.concatenate([np.stack(window, axis=-1) for window in windows]).astype(np.float32), (height, width)
