# SPDX-License-Identifier: Apache-2.0
"""Run the image encoder over the crops of a batch of images, few calls, crops of one size together."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from talk2dino_ros.engine.inference.canvas import cut, resized
from talk2dino_ros.engine.inference.crop_plan import Plan
from talk2dino_ros.engine.models.networks import Networks

CROPS_PER_BATCH = 8


@dataclass(frozen=True)
class CropFeatures:
    """Features of one crop.

    patch_features: float32 [D, h, w], raw. cls_attention: float32 [heads, h*w] logits, where asked for.
    """

    patch_features: Tensor
    cls_attention: Tensor | None


def encode_crops(
    networks: Networks,
    canvases: Sequence[Tensor],
    plans: Sequence[Plan],
    *,
    return_attention: bool,
    at_once: int = CROPS_PER_BATCH,
) -> list[list[CropFeatures]]:
    """Encode all crops of all canvases (float32 [3, H, W] RGB 0..1); the result's lists are in the plans' order.

    On a CPU one by one: in a batch what becomes of a crop may depend, by rounding, on how many others are in it.
    """
    if canvases[0].device.type == "cpu":
        at_once = 1
    jobs = [
        (index, resized(cut(canvas, crop), plan.network))
        for index, (canvas, plan) in enumerate(zip(canvases, plans, strict=True))
        for crop in plan.crops
    ]
    features: list[list[CropFeatures]] = [[] for _ in canvases]
    for size in dict.fromkeys(pixels.shape for _, pixels in jobs):
        same_size = [job for job in jobs if job[1].shape == size]
        for start in range(0, len(same_size), at_once):
            batch = same_size[start : start + at_once]
            encoded = _encode(networks, torch.stack([pixels for _, pixels in batch]), return_attention)
            for (index, _), crop_features in zip(batch, encoded, strict=True):
                features[index].append(crop_features)
    return features


def _encode(networks: Networks, batch: Tensor, return_attention: bool) -> list[CropFeatures]:
    """Encode float32 [B, 3, h, w]; the encoder computes at its own precision, what follows is float32."""
    encoded = networks.image_encoder(batch, return_attention=return_attention)
    attentions = encoded.cls_attention if encoded.cls_attention is not None else [None] * len(batch)
    return [
        CropFeatures(patches.float(), None if attention is None else attention.float())
        for patches, attention in zip(encoded.patch_features, attentions, strict=True)
    ]
