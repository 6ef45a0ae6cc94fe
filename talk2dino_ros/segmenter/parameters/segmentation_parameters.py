# SPDX-License-Identifier: Apache-2.0
"""The segmenter's parameters for the model, the masks and the pictures; parameters.py has the others."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from talk2dino_ros.engine.onnx.onnx_session import BACKENDS
from talk2dino_ros.engine.options import (
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
from talk2dino_ros.engine.vocabulary import check_background
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
    """From images to masks, confidences and overlays."""

    model: str = parameter("talk2dino_vitb", "Name of the model; `talk2dino weights list` shows all.")
    preset: str = parameter(
        "",
        "A name for several options, whose values it replaces at the start: "
        f"{'; '.join(f'{name} = {text_of(options)}' for name, options in PRESETS.items())}; empty: none.",
        choices=("", *PRESETS),
    )
    device: str = parameter("auto", "Where the model runs: auto (CUDA if there is one), cpu, cuda or cuda:N.")
    precision: str = parameter("auto", "Number format of the networks.", choices=PRECISIONS)
    backend: str = parameter(
        "torch",
        "What runs the image encoder: torch, or onnxruntime or its TensorRT from `onnx_file` (docs/onnx.md).",
        choices=BACKENDS,
    )
    onnx_file: str = parameter("", "File of `talk2dino export`; empty with backend torch.")
    cuda_graphs: bool = parameter(
        False, "On a GPU record the image encoder's kernels once per size and start them at once (not measured yet)."
    )
    weights_dir: str = parameter("", "Folder with the weights under their published names; empty: the download cache.")
    text_cache_dir: str = parameter(
        "",
        "Folder that keeps what the text encoder made of known words; empty: ~/.cache/talk2dino_ros, none: no cache.",
    )
    text_encoder: str = parameter(
        "auto",
        "The text encoder's memory: keep = loaded while configuring, for good, so that no image is late for it when "
        "new words come; free = loaded for words that the text cache does not know, then freed; auto: keep, but free "
        "with dino.txt (its text tower has 2.1 GB) and with a vocabulary_file.",
        choices=TEXT_ENCODERS,
    )
    projection_file: str = parameter(
        "", "Projection of `talk2dino train`, in place of the model's own; empty: the model's own."
    )
    patch_source: str = parameter(
        "",
        "For dino.txt, whose patches meet the words: its head's, or the backbone's as in DINOv3's notebook; empty: the "
        "head's, and the only value for other models.",
        choices=("", *PATCH_SOURCES),
    )
    cameras: tuple[str, ...] = parameter(
        ("",), "Camera names, each the prefix of its topics; one empty name: a single unnamed camera."
    )
    compressed: bool = parameter(False, "Subscribe to sensor_msgs/CompressedImage instead of Image.")
    image_reliability: str = parameter(
        "best_effort", "Reliability of the image subscriptions.", choices=("best_effort", "reliable")
    )
    max_image_pixels: int = parameter(
        50_000_000,
        "An image, also of depth, that declares more pixels is dropped before memory is taken for it.",
        low=1,
        high=1_000_000_000,
    )
    image_bits: int = parameter(
        16,
        "Bits that the sensor uses of 16-bit images (mono16, bayer_*16 and others): 10 or 12 for many industrial "
        "cameras, whose images otherwise are nearly black.",
        low=8,
        high=16,
    )
    vocabulary: tuple[str, ...] = parameter(
        ("door", "chair", "table", "sofa", "plant", "person", "!wall", "!floor", "!ceiling"),
        "The first classes, each `name`, `name: prompt, prompt`, `!name` (a distractor) or `?name` (a question).",
    )
    vocabulary_file: str = parameter(
        "",
        "File of `talk2dino encode` with the first classes, in place of `vocabulary`: the node then starts, and sets "
        "any of its classes, without the text encoder's weights; empty: none.",
    )
    input: str = parameter(
        "square",
        "How an image meets the network: square (448x448), slide (the published protocol) or aspect.",
        choices=INPUTS,
        live=True,
    )
    input_size: int = parameter(
        0,
        "Pixels of the network's square or short side, rounded to the model's patch: smaller is faster and coarser; "
        "0: the model's own.",
        low=0,
        high=LARGEST_INPUT,
        live=True,
    )
    refine: str = parameter(
        "none",
        "Refinement of the mask along image edges (PAMR: better and slower).",
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
        "Pixels whose best sigmoid(cosine) is below this are unlabeled; -1.0: the model's own, 0.0: off.",
        low=0.0,
        high=0.999,
        beside=RECOMMENDED,
        live=True,
    )
    background_class: str = parameter(
        "",
        "Label of an id of its own for all pixels that are unlabeled, with a confidence, so that a costmap can clear "
        "what it marked (docs/nav2.md); empty: they have the unlabeled_id and no confidence.",
    )
    background_cleaning: bool = parameter(
        False,
        "Weigh the scores by the image encoder's own attention (the paper's background cleaning).",
        live=True,
    )
    score_smoothing: float = parameter(
        0.0,
        "The earlier images' share in a patch's scores, against labels that flicker from image to image; what moves "
        "leaves a trail, and that is everything where the camera moves: 0.0, each image for itself, is right there.",
        low=0.0,
        high=MOST_SMOOTHING,
        live=True,
    )
    unlabeled_id: int = parameter(
        255, "The mask's value where no class won: 255 (the rule of vision_msgs) or 0.", choices=(0, 255)
    )
    mask_width: int = parameter(
        0, "Width in pixels of mask and confidence, as the point cloud's; 0: as the image.", low=0, high=16384
    )
    mask_height: int = parameter(
        0,
        "Height in pixels of mask and confidence, as the point cloud's; 0: as the image.",
        low=0,
        high=16384,
    )
    min_area_share: float = parameter(
        0.002,
        "A region smaller than this share of the image is no point of interest.",
        low=0.0,
        high=1.0,
        live=True,
    )
    max_points_per_class: int = parameter(
        5, "At most so many points of interest per class and image.", low=0, high=1000, live=True
    )
    overlay: bool = parameter(True, "Draw the overlay while someone listens to it.", live=True)
    overlay_alpha: float = parameter(
        0.5,
        "Weight of the class colours in the overlay: 0.0 = the image alone.",
        low=0.0,
        high=1.0,
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
            f"mask_width is {width} and mask_height is {height}, expected both 0 or both above 0; set the other one too"
        )
