# SPDX-License-Identifier: Apache-2.0
"""The table of models: what each is made of, where its weights are, and how each network is built.

A model is an image encoder, a text encoder and a mapping of text features into the space of patch features.
A new one is a row.
"""

from functools import partial

import torch

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.models import mini
from talk2dino_ros.engine.models.clip_text import SUB_IMAGENET_TEMPLATES, load_clip_text_encoder
from talk2dino_ros.engine.models.dinotxt import dinotxt_files
from talk2dino_ros.engine.models.dinotxt.dinotxt_text import load_dinotxt_text_encoder
from talk2dino_ros.engine.models.dinotxt.dinotxt_vision import load_dinotxt_image_encoder
from talk2dino_ros.engine.models.dinotxt.templates import IMAGENET_TEMPLATES
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.projection import load_projection
from talk2dino_ros.engine.models.vit import load_dino_encoder
from talk2dino_ros.engine.weights.model_files import (
    CLIP_TEXT,
    DINOV2_VITL_REVISION,
    MB,
    dinov2_file,
    dinov3_file,
    package_file,
    published_projection,
)
from talk2dino_ros.engine.weights.weights_files import WeightsFile


def find_model(name: str) -> Model:
    """Return the row of a model. Raises ModelError that lists the names."""
    if name not in MODELS:
        raise ModelError(f"model is {name!r}, expected one of {', '.join(MODELS)}; choose one of these")
    return MODELS[name]


_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_MINI_PROJECTION = ("talk2dino_ros", "engine/data/mini_projection.safetensors", "")


def _talk2dino(
    name: str,
    description: str,
    *,
    image_file: WeightsFile,
    network: str,
    patch_size: int,
    embedding_size: int,
    projection_file: WeightsFile,
    background: float,
) -> Model:
    """Return a row of the paper's family: DINO backbone, CLIP ViT-B/16's text tower, learned projection."""
    return Model(
        name,
        description,
        files=(image_file, CLIP_TEXT, projection_file),
        load_image_encoder=partial(load_dino_encoder, network=network, mean=_IMAGENET_MEAN, std=_IMAGENET_STD),
        load_text_encoder=load_clip_text_encoder,
        load_projection=partial(
            load_projection, text_size=512, hidden_size=embedding_size, embedding_size=embedding_size
        ),
        patch_size=patch_size,
        embedding_size=embedding_size,
        text_encoding="clip_vitb16_2",
        image_encoding=f"{network}_1",
        templates=SUB_IMAGENET_TEMPLATES,
        background=background,
    )


def _dinotxt(
    name: str,
    description: str,
    *,
    image_file: WeightsFile,
    files: tuple[WeightsFile, ...],
    network: str,
    patch_size: int,
    base_size: int,
) -> Model:
    """Return a row of dino.txt: DINO backbone with a head, and a text tower whose vectors need no projection.

    Sizes are those of the published notebook for segmentation, rounded to the patch. It has no background class.
    """
    return Model(
        name,
        description,
        files=(image_file, *files),
        load_image_encoder=partial(load_dinotxt_image_encoder, network=network, mean=_IMAGENET_MEAN, std=_IMAGENET_STD),
        load_text_encoder=load_dinotxt_text_encoder,
        load_projection=lambda checkpoints: torch.nn.Identity(),
        patch_size=patch_size,
        embedding_size=1024,
        text_encoding="dinotxt_tet1280_2",
        image_encoding=f"dinotxt_{network}_1",
        templates=IMAGENET_TEMPLATES,
        background=0.0,
        image_roles=("image", "head"),
        base_size=base_size,
        window_share=0.75,  # 384 of 512 pixels
        protocol="dinotxt",
        keeps_text_encoder=False,  # 2.1 GB
    )


_ROWS = (
    _talk2dino(
        "talk2dino_vitb",
        "Talk2DINO on DINOv2 ViT-B/14 with registers: the paper's model and this package's default",
        image_file=dinov2_file("b", "vit_base_patch14_reg4_dinov2", 346 * MB),
        network="vit_base_patch14_reg4_dinov2",
        patch_size=14,
        embedding_size=768,
        projection_file=published_projection(
            "vitb_mlp_infonce.pth",
            3_940_664,
            sha256="5f6efcc520f22916ecf3dfdfb01d6f57e701c1c2e1feda71a80d89e3cd752f0f",
        ),
        background=0.55,
    ),
    _talk2dino(
        "talk2dino_vitl",
        "Talk2DINO on DINOv2 ViT-L/14 with registers: larger and slower, in the paper not better",
        image_file=dinov2_file("l", "vit_large_patch14_reg4_dinov2", 1217 * MB, DINOV2_VITL_REVISION),
        network="vit_large_patch14_reg4_dinov2",
        patch_size=14,
        embedding_size=1024,
        projection_file=published_projection(
            "vitl_mlp_infonce.pth", 6_301_000, git_blob="21a0038cc793403648264fe9c90a29c9533770a3"
        ),
        background=0.54,
    ),
    _talk2dino(
        "talk2dinov3_vitb",
        "Talk2DINO on DINOv3 ViT-B/16, whose weights each user asks Meta for",
        image_file=dinov3_file("b", "vit_base_patch16_dinov3", 343 * MB),
        network="vit_base_patch16_dinov3",
        patch_size=16,
        embedding_size=768,
        projection_file=published_projection(
            "dinov3_vitb_mlp_infonce.pth",
            3_940_311,
            sha256="6fc5ce7a05d8f1c829c174d87b861da05399cf0bfe50de3711ac940115d85fcc",
        ),
        background=0.55,
    ),
    _talk2dino(
        "talk2dinov3_vitl",
        "Talk2DINO on DINOv3 ViT-L/16, whose weights each user asks Meta for",
        image_file=dinov3_file("l", "vit_large_patch16_dinov3", 1213 * MB),
        network="vit_large_patch16_dinov3",
        patch_size=16,
        embedding_size=1024,
        projection_file=published_projection(
            "dinov3_vitl_mlp_infonce.pth", 6_301_000, git_blob="51dfe9926175877b5deecaba07c398e46e9d61fe"
        ),
        background=0.54,
    ),
    _dinotxt(
        "dinotxt_vitl",
        "dino.txt on DINOv2 ViT-L/14 with registers: Meta's own words for DINOv2",
        image_file=dinov2_file("l", "vit_large_patch14_reg4_dinov2", 1217 * MB, DINOV2_VITL_REVISION),
        files=dinotxt_files.V2_FILES,
        network="vit_large_patch14_reg4_dinov2",
        patch_size=14,
        base_size=518,
    ),
    _dinotxt(
        "dinotxtv3_vitl",
        "dino.txt on DINOv3 ViT-L/16, whose weights each user asks Meta for",
        image_file=dinov3_file("l", "vit_large_patch16_dinov3", 1213 * MB),
        files=dinotxt_files.V3_FILES,
        network="vit_large_patch16_dinov3",
        patch_size=16,
        base_size=512,
    ),
    Model(
        "mini",
        "Not Talk2DINO: a small stand-in from installed packages, for tests and for a first try",
        files=(
            package_file("image", mini.IMAGE_FILE, 24 * MB),
            package_file("text", mini.TEXT_FILE, 91 * MB),
            package_file("tokenizer", mini.TOKENIZER_FILE, 466_247),
            package_file("projection", _MINI_PROJECTION, 5_743_970),
        ),
        load_image_encoder=mini.load_mini_image_encoder,
        load_text_encoder=mini.load_mini_text_encoder,
        load_projection=partial(
            load_projection,
            text_size=mini.TEXT_SIZE,
            hidden_size=mini.HIDDEN_SIZE,
            embedding_size=mini.EMBEDDING_SIZE,
        ),
        patch_size=mini.PATCH_SIZE,
        embedding_size=mini.EMBEDDING_SIZE,
        text_encoding="minilm_2",
        image_encoding="mini_1",
        text_roles=("text", "tokenizer"),
        templates=("{}",),
        background=0.525,
        bf16_on_cpu=False,
    ),
)

MODELS: dict[str, Model] = {row.name: row for row in _ROWS}
