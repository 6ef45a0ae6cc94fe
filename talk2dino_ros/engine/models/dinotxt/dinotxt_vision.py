# SPDX-License-Identifier: Apache-2.0
"""dino.txt's image side: a DINO backbone whose tokens go through the vision head before the patches are taken.

DINOv3's published notebook for segmentation scores the backbone's patches and not the head's, contrary to its own
comment; so both can be had (`patch_source`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.models.dinotxt.dinotxt_layouts import head_part
from talk2dino_ros.engine.models.dinotxt.vision_head import VisionHead
from talk2dino_ros.engine.models.vit import DinoImageEncoder, load_dino_encoder
from talk2dino_ros.engine.options import PATCH_SOURCES
from talk2dino_ros.engine.weights.state_dicts import build_and_load
from talk2dino_ros.engine.weights.weights_files import Checkpoint


class HeadedImageEncoder(DinoImageEncoder):
    """A timm ViT with dino.txt's head behind it; the class token's attention stays the backbone's."""

    def __init__(self, network: Any, head: VisionHead, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__(network, mean, std)
        self.head = head

    def _tokens(self, network: Any, pixels: Tensor, return_attention: bool) -> tuple[Tensor, Tensor | None]:
        """Run the head over the registers too; they are dropped with the class token, behind it."""
        tokens, cls_attention = super()._tokens(network, pixels, return_attention)
        return self.head(tokens), cls_attention


def load_dinotxt_image_encoder(
    checkpoints: Mapping[str, Checkpoint],
    dtype: torch.dtype,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    patch_source: str = "head",
    **options: Any,
) -> DinoImageEncoder:
    """Build the backbone from the `image` checkpoint and the head from the `head` checkpoint of either release.

    patch_source: `head`, or `backbone`, which asks for no head. options: as `load_dino_encoder` has them.
    Raises WeightsError for a file that does not fit.
    """
    if patch_source not in PATCH_SOURCES:
        raise ModelError(
            f"patch_source is {patch_source!r}, expected {' or '.join(PATCH_SOURCES)}; choose one of these"
        )
    encoder = load_dino_encoder(checkpoints, dtype, mean=mean, std=std, **options)
    round_periods(encoder.network)
    if patch_source == "backbone":
        return encoder
    head = load_vision_head(checkpoints["head"], encoder.network.embed_dim, encoder.network.blocks[0].attn.num_heads)
    return HeadedImageEncoder(encoder.network, head.to(dtype), mean, std)


def load_vision_head(checkpoint: Checkpoint, width: int, heads: int) -> VisionHead:
    """Fill a head, which has its backbone's width and heads, from a file of either release. Raises WeightsError."""
    state = head_part(checkpoint.read(), checkpoint.path)
    return build_and_load(lambda: VisionHead(width, heads), state, checkpoint.path, remedy=checkpoint.remedy)


def round_periods(network: Any) -> None:
    """Round DINOv3's RoPE periods to bf16 in place, as its published file holds them; DINOv2 has none.

    The head was trained on tokens of the rounded ones, while Talk2DINO's mapping was on those of timm's own.
    timm computes them anew where a network changes to half precision, so this comes after that.
    """
    rope = getattr(network, "rope", None)
    if rope is not None:
        rope.periods = rope.periods.to(torch.bfloat16).float()
