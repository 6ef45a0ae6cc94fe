# SPDX-License-Identifier: Apache-2.0
"""Parameters of the segmenter node for model, input, masks and overlay; segmenter_parameters.py has the others."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from talk2dino_ros.engine.options import (
    BACKENDS,
    INPUTS,
    LARGEST_INPUT,
    LARGEST_REFINED,
    MOST_SMOOTHING,
    PATCH_SOURCES,
    PRECISIONS,
    REFINEMENTS,
    TEXT_ENCODERS,
    Options,
)
from talk2dino_ros.engine.presets import PRESETS
from talk2dino_ros.engine.text.class_entries import check_background
from talk2dino_ros.ros.parameters.parameter_field import parameter
from talk2dino_ros.ros.parameters.parameter_set import ParameterError, Values

if TYPE_CHECKING:
    from collections.abc import Mapping

# The value of `background` that stands for the threshold which the model's row recommends.
RECOMMENDED = -1.0
CAMERA_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


def text_of(options: Mapping[str, str | int]) -> str:
    """List options with their values."""
    return ", ".join(f"{name} {value}" for name, value in options.items())


@dataclasses.dataclass(frozen=True)
class SegmentationParameters(Values):
    """Parameters of the way from images to masks, confidences and overlays."""

    model: str = parameter("talk2dino_vitb", "Model name; `talk2dino weights list` shows all.")
    preset: str = parameter(
        "",
        "Named set of option values, which replace their own at the start: "
        f"{'; '.join(f'{name} = {text_of(options)}' for name, options in PRESETS.items())}; empty: none.",
        choices=("", *PRESETS),
    )
    device: str = parameter("auto", "Compute device: auto (CUDA if available), cpu, cuda or cuda:N.")
    precision: str = parameter("auto", "Floating-point precision of the networks.", choices=PRECISIONS)
    backend: str = parameter(
        "auto",
        "Inference backend of the image encoder: auto (OpenVINO on a CPU, torch on a GPU), torch, openvino, or "
        "onnxruntime or its TensorRT provider with `onnx_file` (docs/onnx.md).",
        choices=BACKENDS,
    )
    onnx_file: str = parameter(
        "", "ONNX file of `talk2dino export`, for onnxruntime and tensorrt; empty with the others."
    )
    cuda_graphs: bool = parameter(
        False,
        "Record the GPU work of an image as one CUDA graph per image size and replay it; GPU only, speed-up not "
        "measured yet.",
    )
    require_fast_path: bool = parameter(
        False,
        "Fail to configure if the self-check finds that a stage's fast path differs from plain PyTorch on this "
        "device; false: warn, and compute that stage plainly.",
    )
    weights_dir: str = parameter(
        "", "Directory with the weights under their published names; empty: the download cache."
    )
    text_cache_dir: str = parameter(
        "",
        "Directory of the text embedding cache; empty: ~/.cache/talk2dino_ros, none: no cache.",
    )
    text_encoder: str = parameter(
        "auto",
        "When the text encoder is in memory: keep = loaded at configure and kept, so that new words delay no image; "
        "free = loaded for words that are not in the text cache, then freed; auto: keep, but free with dino.txt (its "
        "text tower takes 2.1 GB) and with a vocabulary_file.",
        choices=TEXT_ENCODERS,
    )
    projection_file: str = parameter("", "Projection weights of `talk2dino train`; empty: the model's own.")
    patch_source: str = parameter(
        "",
        "dino.txt only: compare the text with patch features of its head or of the backbone (as in DINOv3's "
        "notebook); empty: head; other models accept only empty.",
        choices=("", *PATCH_SOURCES),
    )
    cameras: tuple[str, ...] = parameter(
        ("",), "Camera names, each the prefix of its topics; one empty name: a single unnamed camera."
    )
    compressed: bool = parameter(False, "Subscribe to sensor_msgs/CompressedImage instead of Image.")
    image_reliability: str = parameter(
        "best_effort", "QoS reliability of the image subscriptions.", choices=("best_effort", "reliable")
    )
    max_image_pixels: int = parameter(
        50_000_000,
        "Images, depth included, that declare more pixels than this are dropped before memory is allocated.",
        low=1,
        high=1_000_000_000,
    )
    image_bits: int = parameter(
        16,
        "Significant bits of 16-bit images (mono16, bayer_*16 and others): 10 or 12 for many industrial cameras, "
        "whose images are nearly black otherwise.",
        low=8,
        high=16,
    )
    vocabulary: tuple[str, ...] = parameter(
        ("door", "chair", "table", "sofa", "plant", "person", "!wall", "!floor", "!ceiling"),
        "Initial classes, each `name`, `name: prompt, prompt`, `!name` (a distractor) or `?name` (a question); "
        "`name >= 0.56` has its own threshold instead of `background`.",
    )
    vocabulary_file: str = parameter(
        "",
        "File of `talk2dino encode` with the initial classes, instead of `vocabulary`; neither starting nor setting "
        "any of its classes needs the text encoder's weights; empty: none.",
    )
    input: str = parameter(
        "square",
        "How images are resized for the network: square (448x448), slide (sliding window, the published protocol) or "
        "aspect (aspect ratio kept).",
        choices=INPUTS,
        live=True,
    )
    input_size: int = parameter(
        0,
        "Side of the square or short side of the network input in pixels, rounded to a multiple of the patch size: "
        "smaller is faster and coarser; 0: the model's own.",
        low=0,
        high=LARGEST_INPUT,
        live=True,
    )
    refine: str = parameter(
        "none",
        "Mask refinement along image edges; pamr (pixel-adaptive mask refinement) is better and slower.",
        choices=REFINEMENTS,
        live=True,
    )
    refine_pixels: int = parameter(
        Options.refine_pixels,
        "Larger images are refined at this many pixels, then upsampled.",
        low=1,
        high=LARGEST_REFINED,
        live=True,
    )
    background: float = parameter(
        RECOMMENDED,
        "Background threshold: pixels whose best sigmoid(cosine) is below it are unlabeled; -1.0: the model's own, "
        "0.0: off.",
        low=0.0,
        high=0.999,
        beside=RECOMMENDED,
        live=True,
    )
    background_class: str = parameter(
        "",
        "Label under which unlabeled pixels get a class id and a confidence of their own, so that a costmap can clear "
        "what it marked (docs/nav2.md); empty: they have the unlabeled_id and confidence 0.",
    )
    background_cleaning: bool = parameter(
        False,
        "Weight the scores by the image encoder's self-attention (the paper's background cleaning).",
        live=True,
    )
    score_smoothing: float = parameter(
        0.0,
        "EMA weight of earlier frames in the patch scores, against flickering labels; it leaves ghosts when the "
        "camera or objects move: keep it at 0.0 (off) on a moving camera.",
        low=0.0,
        high=MOST_SMOOTHING,
        live=True,
    )
    unlabeled_id: int = parameter(
        255, "Mask value of unlabeled pixels: 255 (the convention of vision_msgs) or 0.", choices=(0, 255)
    )
    mask_width: int = parameter(
        0, "Width of mask and confidence in pixels, such as the point cloud's; 0: the image's.", low=0, high=16384
    )
    mask_height: int = parameter(
        0,
        "Height of mask and confidence in pixels, such as the point cloud's; 0: the image's.",
        low=0,
        high=16384,
    )
    min_area_share: float = parameter(
        0.002,
        "Minimum area of a point of interest's region, as a fraction of the image.",
        low=0.0,
        high=1.0,
        live=True,
    )
    max_points_per_class: int = parameter(
        5, "Maximum number of points of interest per class and image.", low=0, high=1000, live=True
    )
    overlay: bool = parameter(True, "Publish the overlay while it has subscribers.", live=True)
    overlay_alpha: float = parameter(
        0.5,
        "Opacity of the class colours in the overlay: 0.0 = the image alone.",
        low=0.0,
        high=1.0,
        live=True,
    )
    features_rate_hz: float = parameter(
        2.0,
        "Maximum rate per camera at which patch features are published while they have subscribers (docs/memory.md); "
        "0.0: never.",
        low=0.0,
        high=100.0,
        live=True,
    )
    features_encoding: str = parameter(
        "fp16",
        "Number format of the published patch features: fp16, or int8 with one scale per patch, which has half the "
        "bytes.",
        choices=("fp16", "int8"),
        live=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_cameras(self.cameras)
        _check_mask_size(self.mask_width, self.mask_height, self.max_image_pixels)
        if self.background_class:
            check_background(self.background_class, ())


def _check_cameras(cameras: tuple[str, ...]) -> None:
    if cameras == ("",):
        return
    wrong = [name for name in cameras if not CAMERA_NAME.match(name) or cameras.count(name) > 1]
    if wrong or not cameras:
        raise ParameterError(
            f"cameras is {list(cameras)}, expected one empty name or different names of letters, digits and "
            f"underscores; correct {wrong or 'the empty list'}"
        )


def _check_mask_size(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise ParameterError(
            f"mask_width x mask_height is {width}x{height}, which are {width * height} pixels, expected at most {most} "
            "(max_image_pixels); set a smaller mask"
        )
    if (width == 0) != (height == 0):
        raise ParameterError(
            f"mask_width is {width} and mask_height is {height}, expected both 0 or both above 0; set both at "
            "once, in a parameter file"
        )
