# SPDX-License-Identifier: Apache-2.0
"""Rows of the table of models with tiny seeded ViTs, to export."""

from dataclasses import replace
from functools import partial

import timm
from safetensors.torch import save_file

from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.models.vit import load_dino_encoder

WIDTH, DEPTH, HEADS = 48, 3, 3
TINY = {"embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS}
DINOV2 = {"network": "vit_base_patch14_reg4_dinov2", "img_size": 112, **TINY}
DINOV3 = {"network": "vit_base_patch16_dinov3", **TINY}
ROWS = {"talk2dino_vitb": DINOV2, "talk2dinov3_vitb": DINOV3}


def tiny_row(name, folder, seed, number=0, **changes):
    """Write a seeded network as `model.safetensors` of a weights_dir; return the row that reads it."""
    options = {**ROWS[name], **changes}
    names = {"network": "model_name"}  # timm calls it so
    network = timm.create_model(**{names.get(key, key): value for key, value in options.items()}, num_classes=0)
    seed(network, number)
    save_file(network.state_dict(), folder / "model.safetensors")
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    loader = partial(load_dino_encoder, mean=mean, std=std, **options)
    return replace(MODELS[name], load_image_encoder=loader, embedding_size=WIDTH)
