# SPDX-License-Identifier: Apache-2.0
"""Pixels and scores on an image's canvas: cutting crops out, putting their scores back together."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.inference.crop_plan import Crop, Plan
from talk2dino_ros.engine.inference.resizing import resized_picture


def check_image(rgb: npt.NDArray[np.uint8]) -> None:
    """Raise ImageError unless `rgb` is uint8 [H, W, 3] with at least one pixel."""
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise ImageError(
            f"the image is {rgb.dtype} {list(rgb.shape)}, expected uint8 [H, W, 3] RGB, none of them 0; convert it"
        )


def make_canvas(rgb: npt.NDArray[np.uint8], plan: Plan, device: str, resize: str = "antialias") -> Tensor:
    """Put the image on the device: float32 [3, H, W] RGB 0..1, at the canvas's size; resize: see `Options`."""
    if resize != "antialias":
        rgb = resized_picture(rgb, plan.canvas, resize)
    # torch shares no memory with arrays that are strided backwards or read-only: those are copied
    pixels = torch.from_numpy(np.require(rgb, requirements=["C", "W"]))
    if device != "cpu":  # from pinned memory the copy needs no stop on its way, and nobody waits for it
        pixels = pixels.pin_memory().to(device, non_blocking=True)
    return resized(pixels.permute(2, 0, 1).float() / 255, plan.canvas)


def resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize [3, H, W] or [B, 3, H, W] bilinearly, antialiased where it shrinks."""
    if pixels.shape[-2:] == size:
        return pixels
    batch = pixels if pixels.ndim == 4 else pixels[None]
    return F.interpolate(batch, size, mode="bilinear", antialias=True).view(*pixels.shape[:-2], *size)


def upsampled(scores: Tensor, size: tuple[int, int]) -> Tensor:
    """Stretch [C, h, w] or [B, C, h, w] corner to corner (align_corners, as the paper's code has it)."""
    batch = scores if scores.ndim == 4 else scores[None]
    return F.interpolate(batch, size, mode="bilinear", align_corners=True).view(*scores.shape[:-2], *size)


def cut(values: Tensor, crop: Crop) -> Tensor:
    """Cut the crop out of [..., H, W]: a view."""
    return values[..., crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]


def averaged(values: Iterable[Tensor], plan: Plan) -> Tensor:
    """Put the crops' values, each [..., crop height, crop width], on the canvas; overlaps are averaged: [..., H, W]."""
    total = count = torch.empty(0)
    for crop, crop_values in zip(plan.crops, values, strict=True):
        if not total.numel():
            total = crop_values.new_zeros(*crop_values.shape[:-2], *plan.canvas)
            count = crop_values.new_zeros(plan.canvas)
        cut(total, crop).add_(crop_values)
        cut(count, crop).add_(1)
    return total / count


def patch_grid(cosines: list[Tensor], plan: Plan, patch_size: int) -> npt.NDArray[np.float32]:
    """Put the crops' cosines, each [C, h, w], on one grid of patches: float32 [C, h, w]."""
    if len(cosines) == 1:
        return cosines[0].cpu().numpy()
    crops = zip(cosines, plan.crops, strict=True)
    canvas = averaged((upsampled(cosine, (crop.height, crop.width)) for cosine, crop in crops), plan)
    grid = (round(plan.canvas[0] / patch_size), round(plan.canvas[1] / patch_size))
    return F.interpolate(canvas[None], grid, mode="area")[0].cpu().numpy()
