# SPDX-License-Identifier: Apache-2.0
"""Where dino.txt's own weights are: of DINOv2's release a file each for head and words, of DINOv3's one for both.

The backbones' files are those that Talk2DINO takes too, see registry.py.
"""

from talk2dino_ros.engine.weights.sources import GatedFile, UrlFile
from talk2dino_ros.engine.weights.weights_files import WeightsFile

_V2_FOLDER = "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14"
_V2_NAME = "dinov2_vitl14_reg4_dinotxt_tet1280d20h24l"
_V3_NAME = "dinov3_vitl16_dinotxt_vision_head_and_text_encoder"
_HEAD_SIZE, _TEXT_SIZE = 4 * 25_326_336, 4 * 538_131_200


def _v2_file(role: str, name: str, size: int) -> WeightsFile:
    return WeightsFile(role, UrlFile(f"{_V2_FOLDER}/{_V2_NAME}_{name}.pth"), "Apache-2.0", size)


def _v3_file(role: str) -> WeightsFile:
    return WeightsFile(
        role,
        GatedFile(
            page="https://ai.meta.com/resources/models-and-libraries/dinov3-downloads/",
            file_name=f"{_V3_NAME}-a442d8f5.pth",
        ),
        licence="DINOv3 License",
        size=_HEAD_SIZE + _TEXT_SIZE,
        other_names=(f"{_V3_NAME}-*.pth",),
    )


V2_FILES = (_v2_file("head", "vision_head", _HEAD_SIZE), _v2_file("text", "text_encoder", _TEXT_SIZE))
V3_FILES = (_v3_file("head"), _v3_file("text"))
