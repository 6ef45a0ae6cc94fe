# SPDX-License-Identifier: Apache-2.0
"""A ViT for one size of image: what timm computes of its positions for every image is computed once.

It also stays where the network is: timm makes DINOv3's grid on the CPU and copies it, which stops a GPU in every
image and is forbidden while its kernels are recorded.
"""

import copy
from typing import Any

from torch import Tensor, nn


def at_size(network: Any, size: tuple[int, int]) -> Any:
    """Return a timm ViT that takes images of `size` (H, W) alone; it shares all weights with `network`, which stays.

    DINOv2's position embedding is resized, DINOv3's angles are computed. Networks of one size, or that no size changes
    (mini's), are returned as they are.
    """
    if not getattr(network, "dynamic_img_size", False):
        return network
    if getattr(network, "pos_embed", None) is not None:
        return _with_embedding_at(network, size)
    if getattr(network, "rope", None) is not None and not isinstance(network.rope, FixedAngles):
        return _with_angles_at(network, size)
    return network


class FixedAngles(nn.Module):
    """Stands in for timm's rotary embedding with the sines and cosines of one grid: float32 [h*w, 2 * D]."""

    def __init__(self, angles: Tensor) -> None:
        super().__init__()
        self.register_buffer("_angles", angles, persistent=False)

    def get_embed(self, shape: Any = None, dtype: Any = None) -> Any:
        """Return the angles, whatever the grid."""
        return self._angles if dtype is None else self._angles.to(dtype)


def _with_embedding_at(network: Any, size: tuple[int, int]) -> Any:
    """Build the network as timm does without `dynamic_img_size`."""
    fixed = _shallow(network)
    fixed.patch_embed = _shallow(network.patch_embed)
    fixed.set_input_size(img_size=size)
    fixed.dynamic_img_size = False
    fixed.patch_embed.flatten = True
    return fixed


def _with_angles_at(network: Any, size: tuple[int, int]) -> Any:
    fixed = _shallow(network)
    fixed.rope = FixedAngles(network.rope.get_embed(shape=network.patch_embed.dynamic_feat_size(size)))
    return fixed


def _shallow(module: Any) -> Any:
    """Return a module with the same parameters and parts, in which others can take their place."""
    twin = copy.copy(module)
    twin._parameters, twin._modules = module._parameters.copy(), module._modules.copy()
    return twin
