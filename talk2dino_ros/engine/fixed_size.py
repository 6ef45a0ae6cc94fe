# SPDX-License-Identifier: Apache-2.0
"""A ViT for one size of image: its position embedding resized once, where timm resizes it for every image."""

import copy
from typing import Any


def at_size(network: Any, size: tuple[int, int]) -> Any:
    """Return a timm ViT that takes images of `size` (H, W) alone, as timm builds it without `dynamic_img_size`.

    It shares all weights with `network`, which stays as it is, but for the position embedding. Networks without one
    (DINOv3's angles are computed from the size) and those of one size already are returned as they are.
    """
    if getattr(network, "pos_embed", None) is None or not network.dynamic_img_size:
        return network
    fixed = _shallow(network)
    fixed.patch_embed = _shallow(network.patch_embed)
    fixed.set_input_size(img_size=size)
    fixed.dynamic_img_size = False
    fixed.patch_embed.flatten = True
    return fixed


def _shallow(module: Any) -> Any:
    """A module with the same parameters and parts, in which others can take their place."""
    twin = copy.copy(module)
    twin._parameters, twin._modules = module._parameters.copy(), module._modules.copy()
    return twin
