# SPDX-License-Identifier: Apache-2.0
"""Where the weights of backbones, CLIP's text tower, projections and installed packages are: rows for registry.py."""

from pathlib import Path

from talk2dino_ros.engine.weights.sources import GatedFile, HubFile, PackageFile, UrlFile
from talk2dino_ros.engine.weights.weights_files import WeightsFile

MB = 1_000_000

CLIP_TEXT = WeightsFile(
    role="text",
    # the file that open_clip itself takes for ViT-B-16 with OpenAI's weights
    source=HubFile(
        "timm/vit_base_patch16_clip_224.openai",
        "open_clip_model.safetensors",
        "977e3dd0ec55ab8da155f2fbeb6b5f54948b6e3d",
    ),
    licence="MIT",
    size=599 * MB,
    other_names=("ViT-B-16.pt", "open_clip_pytorch_model.bin"),
    # OpenAI's archive; the sum is part of its address
    torchscript_sha256="5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
)

DINOV2_VITL_REVISION = "f3c408e77602bb412aa65fb03dfa0d5f95cb3832"
# The authors renamed weights on their main branch once; this commit's stay.
_PROJECTIONS = (
    "https://raw.githubusercontent.com/lorebianchi98/Talk2DINO/4918c2df1d00c644ecc7f34de070694af1a8bc69/weights"
)


def published_projection(name: str, size: int, *, sha256: str = "", git_blob: str = "") -> WeightsFile:
    """Return the row of a projection, with its sha256 or, where only the commit is known, its git blob id."""
    return WeightsFile(
        role="projection",
        source=UrlFile(f"{_PROJECTIONS}/{name}"),
        licence="Apache-2.0",
        size=size,
        sha256={name: sha256} if sha256 else {},
        git_blobs={name: git_blob} if git_blob else {},
    )


def dinov2_file(letter: str, timm_name: str, size: int, revision: str = "main") -> WeightsFile:
    """Return the row of a DINOv2 backbone with registers. letter: of the size in the authors' file name, b or l."""
    return WeightsFile(
        role="image",
        source=HubFile(f"timm/{timm_name}.lvd142m", "model.safetensors", revision),
        licence="Apache-2.0",
        size=size,
        other_names=(f"dinov2_vit{letter}14_reg4_pretrain.pth",),
    )


def dinov3_file(letter: str, timm_name: str, size: int) -> WeightsFile:
    """Return the row of a DINOv3 backbone, which each user asks Meta for."""
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


def package_file(role: str, package_path_sum: tuple[str, str, str], size: int) -> WeightsFile:
    """Return the row of a file that an installed package has; its sum is "" where that package is this one."""
    package, path, sha256 = package_path_sum
    sums = {Path(path).name: sha256} if sha256 else {}
    return WeightsFile(role, PackageFile(package, path), "Apache-2.0", size, sha256=sums)
