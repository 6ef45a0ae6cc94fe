# SPDX-License-Identifier: Apache-2.0
"""The table of models: what each is made of, where its weights are, and how each network is built.

A model is an image encoder, a text encoder and a mapping of text features into the space of patch features.
A new one is a row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.models import mini
from talk2dino_ros.engine.models.clip_text import SUB_IMAGENET_TEMPLATES, load_clip_text_encoder
from talk2dino_ros.engine.models.dinotxt import dinotxt_files
from talk2dino_ros.engine.models.dinotxt.dinotxt_text import load_dinotxt_text_encoder
from talk2dino_ros.engine.models.dinotxt.dinotxt_vision import load_dinotxt_image_encoder
from talk2dino_ros.engine.models.dinotxt.templates import IMAGENET_TEMPLATES
from talk2dino_ros.engine.models.projection import load_projection
from talk2dino_ros.engine.models.vit import ImageEncoder, load_dino_encoder
from talk2dino_ros.engine.text.text_encoder import TextEncoder
from talk2dino_ros.engine.weights.sources import GatedFile, HubFile, PackageFile, UrlFile
from talk2dino_ros.engine.weights.weights_files import Checkpoint, WeightsFile

Checkpoints = Mapping[str, Checkpoint]


@dataclass(frozen=True)
class Model:
    """A row of the table.

    patch_size, base_size: pixels; the network's square, or its short side.
    embedding_size: values of a class's vector, and of a patch feature.
    logit_scale: what cosines are multiplied with for the confidence.
    background: the recommended threshold, a sigmoid of a cosine; the paper's, which has none for DINOv3: as DINOv2;
        0: none is known, each pixel gets a class until a threshold is set.
    load_*: build a network from the located files, by role; they raise WeightsError.
    text_encoding: names how prompts become features; it has to change when that does, for the text cache goes by it.
    image_roles, text_roles: the files that the image encoder and the text encoder are made of.
    window_share: side of the windows of input `slide`, as a share of the short side.
    protocol: how its paper evaluates it, a name in evaluate/protocols.py.
    keeps_text_encoder: whether it stays in memory after it has encoded, unless the user chooses.
    bf16_on_cpu: whether precision `auto` takes bf16 on a CPU that gains by it.
    """

    name: str
    description: str
    files: tuple[WeightsFile, ...]
    load_image_encoder: Callable[[Checkpoints, torch.dtype], ImageEncoder]
    load_text_encoder: Callable[[Checkpoints], TextEncoder]
    load_projection: Callable[[Checkpoints], torch.nn.Module]
    patch_size: int
    embedding_size: int
    text_encoding: str
    templates: tuple[str, ...]
    background: float
    image_roles: tuple[str, ...] = ("image",)
    text_roles: tuple[str, ...] = ("text",)
    base_size: int = 448
    window_share: float = 1.0
    logit_scale: float = 1 / 0.07  # fixed in training: `train.py` does not give it to the optimizer
    protocol: str = "talk2dino"
    keeps_text_encoder: bool = True
    bf16_on_cpu: bool = True

    @property
    def has_projection(self) -> bool:
        """Whether words go through a learned mapping; dino.txt's text tower needs none."""
        return any(file.role == "projection" for file in self.files)


def find_model(name: str) -> Model:
    """Return the row of a model. Raises ModelError that lists the names."""
    if name not in MODELS:
        raise ModelError(f"model is {name!r}, expected one of {', '.join(MODELS)}; choose one of these")
    return MODELS[name]


_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_MB = 1_000_000
_MINI_PROJECTION = ("talk2dino_ros", "engine/data/mini_projection.safetensors", "")

_CLIP_TEXT = WeightsFile(
    role="text",
    # the file that open_clip itself takes for ViT-B-16 with OpenAI's weights
    source=HubFile(
        "timm/vit_base_patch16_clip_224.openai",
        "open_clip_model.safetensors",
        "977e3dd0ec55ab8da155f2fbeb6b5f54948b6e3d",
    ),
    licence="MIT",
    size=599 * _MB,
    other_names=("ViT-B-16.pt", "open_clip_pytorch_model.bin"),
    # OpenAI's archive; the sum is part of its address
    torchscript_sha256="5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
)


_DINOV2_VITL_REVISION = "f3c408e77602bb412aa65fb03dfa0d5f95cb3832"
# The authors renamed weights on their main branch once; this commit's stay.
_PROJECTIONS = (
    "https://raw.githubusercontent.com/lorebianchi98/Talk2DINO/4918c2df1d00c644ecc7f34de070694af1a8bc69/weights"
)


def _projection_file(name: str, size: int, *, sha256: str = "", git_blob: str = "") -> WeightsFile:
    """The row of a projection; of those that nobody here has read, the commit tells git's sum."""
    return WeightsFile(
        role="projection",
        source=UrlFile(f"{_PROJECTIONS}/{name}"),
        licence="Apache-2.0",
        size=size,
        sha256={name: sha256} if sha256 else {},
        git_blobs={name: git_blob} if git_blob else {},
    )


def _dinov2_file(letter: str, timm_name: str, size: int, revision: str = "main") -> WeightsFile:
    return WeightsFile(
        role="image",
        source=HubFile(f"timm/{timm_name}.lvd142m", "model.safetensors", revision),
        licence="Apache-2.0",
        size=size,
        other_names=(f"dinov2_vit{letter}14_reg4_pretrain.pth",),
    )


def _dinov3_file(letter: str, timm_name: str, size: int) -> WeightsFile:
    return WeightsFile(
        role="image",
        source=GatedFile(
            page="https://ai.meta.com/resources/models-and-libraries/dinov3-downloads/",
            copies=(
                HubFile(f"timm/{timm_name}.lvd1689m", "model.safetensors"),
                HubFile(f"facebook/dinov3-vit{letter}16-pretrain-lvd1689m", "model.safetensors"),
            ),
        ),
        licence="DINOv3 License",
        size=size,
        other_names=(f"dinov3_vit{letter}16_pretrain_lvd1689m-*.pth",),
    )


def _package_file(role: str, package_path_sum: tuple[str, str, str], size: int) -> WeightsFile:
    package, path, sha256 = package_path_sum
    sums = {Path(path).name: sha256} if sha256 else {}
    return WeightsFile(role, PackageFile(package, path), "Apache-2.0", size, sha256=sums)


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
        files=(image_file, _CLIP_TEXT, projection_file),
        load_image_encoder=partial(load_dino_encoder, network=network, mean=_IMAGENET_MEAN, std=_IMAGENET_STD),
        load_text_encoder=load_clip_text_encoder,
        load_projection=partial(
            load_projection, text_size=512, hidden_size=embedding_size, embedding_size=embedding_size
        ),
        patch_size=patch_size,
        embedding_size=embedding_size,
        text_encoding="clip_vitb16_2",
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
        image_file=_dinov2_file("b", "vit_base_patch14_reg4_dinov2", 346 * _MB),
        network="vit_base_patch14_reg4_dinov2",
        patch_size=14,
        embedding_size=768,
        projection_file=_projection_file(
            "vitb_mlp_infonce.pth",
            3_940_664,
            sha256="5f6efcc520f22916ecf3dfdfb01d6f57e701c1c2e1feda71a80d89e3cd752f0f",
        ),
        background=0.55,
    ),
    _talk2dino(
        "talk2dino_vitl",
        "Talk2DINO on DINOv2 ViT-L/14 with registers: larger and slower, in the paper not better",
        image_file=_dinov2_file("l", "vit_large_patch14_reg4_dinov2", 1217 * _MB, _DINOV2_VITL_REVISION),
        network="vit_large_patch14_reg4_dinov2",
        patch_size=14,
        embedding_size=1024,
        projection_file=_projection_file(
            "vitl_mlp_infonce.pth", 6_301_000, git_blob="21a0038cc793403648264fe9c90a29c9533770a3"
        ),
        background=0.54,
    ),
    _talk2dino(
        "talk2dinov3_vitb",
        "Talk2DINO on DINOv3 ViT-B/16, whose weights each user asks Meta for",
        image_file=_dinov3_file("b", "vit_base_patch16_dinov3", 343 * _MB),
        network="vit_base_patch16_dinov3",
        patch_size=16,
        embedding_size=768,
        projection_file=_projection_file(
            "dinov3_vitb_mlp_infonce.pth",
            3_940_311,
            sha256="6fc5ce7a05d8f1c829c174d87b861da05399cf0bfe50de3711ac940115d85fcc",
        ),
        background=0.55,
    ),
    _talk2dino(
        "talk2dinov3_vitl",
        "Talk2DINO on DINOv3 ViT-L/16, whose weights each user asks Meta for",
        image_file=_dinov3_file("l", "vit_large_patch16_dinov3", 1213 * _MB),
        network="vit_large_patch16_dinov3",
        patch_size=16,
        embedding_size=1024,
        projection_file=_projection_file(
            "dinov3_vitl_mlp_infonce.pth", 6_301_000, git_blob="51dfe9926175877b5deecaba07c398e46e9d61fe"
        ),
        background=0.54,
    ),
    _dinotxt(
        "dinotxt_vitl",
        "dino.txt on DINOv2 ViT-L/14 with registers: Meta's own words for DINOv2",
        image_file=_dinov2_file("l", "vit_large_patch14_reg4_dinov2", 1217 * _MB, _DINOV2_VITL_REVISION),
        files=dinotxt_files.V2_FILES,
        network="vit_large_patch14_reg4_dinov2",
        patch_size=14,
        base_size=518,
    ),
    _dinotxt(
        "dinotxtv3_vitl",
        "dino.txt on DINOv3 ViT-L/16, whose weights each user asks Meta for",
        image_file=_dinov3_file("l", "vit_large_patch16_dinov3", 1213 * _MB),
        files=dinotxt_files.V3_FILES,
        network="vit_large_patch16_dinov3",
        patch_size=16,
        base_size=512,
    ),
    Model(
        "mini",
        "Not Talk2DINO: a small stand-in from installed packages, for tests and for trying things out",
        files=(
            _package_file("image", mini.IMAGE_FILE, 24 * _MB),
            _package_file("text", mini.TEXT_FILE, 91 * _MB),
            _package_file("tokenizer", mini.TOKENIZER_FILE, 466_247),
            _package_file("projection", _MINI_PROJECTION, 5_743_970),
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
        text_roles=("text", "tokenizer"),
        templates=("{}",),
        background=0.525,
        bf16_on_cpu=False,
    ),
)

MODELS: dict[str, Model] = {row.name: row for row in _ROWS}
