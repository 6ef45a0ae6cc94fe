# SPDX-License-Identifier: Apache-2.0
"""How far two image encoders with the same weights agree."""

import torch

from talk2dino_ros.engine.models.vit import ImageFeatures


def smallest_cosine(found: ImageFeatures, expected: ImageFeatures) -> float:
    """Return the smallest cosine of two encoders' features of a patch, or attention of a head; nan for nan."""
    pairs = [(found.patch_features.flatten(2).transpose(1, 2), expected.patch_features.flatten(2).transpose(1, 2))]
    if found.cls_attention is not None and expected.cls_attention is not None:
        pairs.append((found.cls_attention, expected.cls_attention))
    cosines = [torch.cosine_similarity(a.float(), b.float(), dim=-1).flatten() for a, b in pairs]
    return float(torch.cat(cosines).min())
