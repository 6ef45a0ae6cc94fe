# SPDX-License-Identifier: Apache-2.0
"""A frozen ViT (timm) that turns images into patch features: DINOv2 with registers, DINOv3."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from talk2dino_ros.engine.runtime.fixed_size import at_size
from talk2dino_ros.engine.weights.published_layouts import to_timm
from talk2dino_ros.engine.weights.state_dicts import build_and_load
from talk2dino_ros.engine.weights.weights_files import Checkpoint

SIZES = 8  # of images that are remembered; a stream has one, or with `aspect` one per camera


class ImageFeatures(NamedTuple):
    """What an image encoder sees.

    patch_features: [B, D, h, w] in the network's dtype, not normalised.
    cls_attention: float32 [B, heads, h*w], the last block's class-token query on the patches' keys, scaled,
        before the softmax; None unless asked for.
    """

    patch_features: Tensor
    cls_attention: Tensor | None = None


class ImageEncoder(Protocol):
    """Images [B, 3, H, W] (RGB, 0..1, sides multiples of `patch_size`) to features; normalises by itself."""

    patch_size: int
    has_attention: bool

    def __call__(self, images: Tensor, return_attention: bool = False) -> ImageFeatures: ...

    def to(self, device: str) -> Any: ...

    def at_size(self, size: tuple[int, int]) -> Any:
        """Return what images of `size` (H, W) are computed with: a recording of its kernels has to keep it."""


class DinoImageEncoder(nn.Module):
    """A timm ViT without its classifier.

    network: a timm VisionTransformer or Eva with `dynamic_img_size`; its dtype is the one computed in.
    mean, std: per channel of RGB 0..1.
    """

    has_attention = True
    mean: Tensor
    std: Tensor

    def __init__(self, network: Any, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self._networks = lru_cache(maxsize=SIZES)(at_size)
        self.patch_size: int = network.patch_embed.patch_size[0]
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor, return_attention: bool = False) -> ImageFeatures:
        """Encode images [B, 3, H, W], RGB, 0..1, any floating dtype, sides multiples of the patch size."""
        pixels = (images.float() - self.mean) / self.std
        pixels = pixels.to(next(self.network.parameters()).dtype)
        height, width = (int(side) for side in images.shape[-2:])  # a tracer has tensors there
        network = self.at_size((height, width))
        tokens, cls_attention = self._tokens(network, pixels, return_attention)
        patches = tokens[:, self.network.num_prefix_tokens :]  # the class token and the registers come first
        grid = (height // self.patch_size, width // self.patch_size)
        return ImageFeatures(patches.transpose(1, 2).unflatten(2, grid), cls_attention)

    def at_size(self, size: tuple[int, int]) -> Any:
        """Return the network for images of `size` (H, W); the last ones are remembered."""
        return self._networks(self.network, size)

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        self._networks.cache_clear()  # what it keeps is where the network was before
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def _tokens(self, network: Any, pixels: Tensor, return_attention: bool) -> tuple[Tensor, Tensor | None]:
        if not return_attention:
            return network.forward_features(pixels), None
        before_last = len(network.blocks) - 2
        tokens, [(patches, prefix)] = network.forward_intermediates(
            pixels, indices=[before_last], return_prefix_tokens=True, output_fmt="NLC"
        )
        return tokens, self._cls_attention(prefix[:, :1], patches)

    def _cls_attention(self, cls_token: Tensor, patches: Tensor) -> Tensor:
        """Return the last block's attention logits from the class token to each patch, from its raw qkv projection.

        Raw as in the authors' code, which reads the output of the qkv layer: for DINOv3 that is before the
        rotary position embedding, which the block itself does apply.
        """
        block = self.network.blocks[-1]
        q_weight, k_weight, _ = block.attn.qkv.weight.chunk(3)
        q_bias, k_bias, _ = (None,) * 3 if block.attn.qkv.bias is None else block.attn.qkv.bias.chunk(3)
        q = F.linear(block.norm1(cls_token), q_weight, q_bias).float()
        k = F.linear(block.norm1(patches), k_weight, k_bias).float()
        by_head = (patches.shape[0], -1, block.attn.num_heads, block.attn.head_dim)  # `len` would fix an export's batch
        return torch.einsum("bqhd,bkhd->bhk", q.view(by_head) * block.attn.head_dim**-0.5, k.view(by_head))


def load_dino_encoder(
    checkpoints: Mapping[str, Checkpoint],
    dtype: torch.dtype,
    *,
    network: str,
    mean: Sequence[float],
    std: Sequence[float],
    **options: Any,
) -> DinoImageEncoder:
    """Build timm's `network` (with its own options) and fill it from the `image` checkpoint.

    Raises WeightsError for a file that does not fit.
    """
    import timm  # takes seconds, and the table of models is also read by commands that need no network

    checkpoint = checkpoints["image"]
    vit = build_and_load(
        lambda: timm.create_model(network, num_classes=0, dynamic_img_size=True, **options),
        to_timm(checkpoint.read(), checkpoint.path),
        checkpoint.path,
        remedy=checkpoint.remedy,
    )
    return DinoImageEncoder(vit.to(dtype), mean, std)
