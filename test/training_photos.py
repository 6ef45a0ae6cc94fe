# SPDX-License-Identifier: Apache-2.0
"""A tiny Talk2DINO in files of the published layouts, and seeded photographs, for the tests of extraction."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image

from talk2dino_ros.engine.models.clip_text import load_clip_text_encoder
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.text.clip_tower import ClipTextTower

HEADS, WIDTH, TEXT_WIDTH = 3, 48, 24
PATCH = 14
INPUT_SIZE = 4 * PATCH
_VIT = {"embed_dim": WIDTH, "depth": 2, "num_heads": HEADS, "img_size": 56}
_TOWER = {"width": 32, "heads": 4, "layers": 2, "output_dim": TEXT_WIDTH}
_NETWORK = "vit_base_patch14_reg4_dinov2"


def tiny_row() -> Model:
    """The row of a model whose networks fit the tiny files."""
    vitb = MODELS["talk2dino_vitb"]
    return replace(
        vitb,
        name="tiny",
        load_image_encoder=partial(vitb.load_image_encoder, **_VIT),
        load_text_encoder=partial(load_clip_text_encoder, **_TOWER),
        embedding_size=WIDTH,
    )


def write_tiny_weights(seed: Callable[..., None], folder: Path, number: int = 0) -> None:
    vit = timm.create_model(_NETWORK, num_classes=0, **_VIT)
    tower = ClipTextTower(**_TOWER)
    seed(vit, number)
    seed(tower, number)
    torch.save(vit.state_dict(), folder / "dinov2_vitb14_reg4_pretrain.pth")
    torch.save(tower.state_dict(), folder / "ViT-B-16.pt")


def encoded_photo(number: int, size: tuple[int, int] = (80, 64), kind: str = "JPEG") -> bytes:
    """A picture of seeded colours in smooth blocks, width and height `size`."""
    blocks = np.random.default_rng(number).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.BILINEAR).save(buffer, kind)
    return buffer.getvalue()


def caption(number: int, which: int) -> str:
    return f"photograph {which} of the object number {number}"
